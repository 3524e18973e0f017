"""Accounts, users and domains as answers show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import Role
from api_gateway.cloudstack.answers import Row, fitted
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.owners import listed_accounts
from api_gateway.limits import COUNTED, Kind

TYPES: Mapping[str, int] = {"user": 0, "root_admin": 1, "domain_admin": 2}
"""CloudStack's account types by role; a role's id is its name."""
ROLE_NAMES: Mapping[str, tuple[str, str]] = {
    "root_admin": ("Admin", "Root Admin"),
    "domain_admin": ("DomainAdmin", "Domain Admin"),
    "user": ("User", "User"),
}
"""Type and name by role."""
MOST_USERS = 1000
"""Users told with their accounts."""


def role_of(account_type: int | None, role_id: str) -> Role:
    """The role a caller names by its type or id; raises Refused."""
    found = [role for role, number in TYPES.items() if number == account_type or role == role_id]
    if account_type is None and not role_id:
        raise Refused(PARAMETER, "Neither account type and role ID are not provided")
    if len(found) != 1:
        raise Refused(PARAMETER, "accounttype and roleid name no role")
    role: Role = found[0]  # type: ignore[assignment]
    return role


def _listed_role(account_type: int | None) -> str:
    """The role a list asks for, empty for any; nobody has one that there is not."""
    if account_type is None:
        return ""
    return {number: role for role, number in TYPES.items()}.get(account_type, "none")


async def asked_people(ask: Ask, name: str, tx: Tx) -> tuple[Any, ...]:
    """Which accounts or users a list asks for, whose names are in parameter ``name``."""
    return (
        await listed_accounts(ask, tx),
        ask.text("id"),
        ask.text(name),
        _listed_role(ask.number("accounttype")),
        ask.text("state").lower(),
        ask.text("keyword"),
    )


def user_row(row: Record) -> Row:
    """Of a row of ``users_page``."""
    kind, name = ROLE_NAMES[row["role"]]
    return {
        "id": row["id"],
        "username": row["name"],
        "firstname": row["first_name"],
        "lastname": row["last_name"],
        "email": row["email"],
        "timezone": row["timezone"] or None,
        "created": row["created"],
        "state": row["state"],
        "account": row["account_name"],
        "accountid": row["account_id"],
        "accounttype": TYPES[row["role"]],
        "usersource": "native",
        "roleid": row["role"],
        "roletype": kind,
        "rolename": name,
        "domainid": row["domain_id"],
        "domain": row["domain_name"],
        "iscallerchilddomain": False,
        "isdefault": row["id"] == row["account_id"],
        "is2faenabled": False,
        "is2famandated": False,
    }


async def account_rows(rows: Sequence[Record], tx: Tx, *, counted: bool = False) -> list[Row]:
    """Of rows of ``accounts_page``, with their users; ``counted``: and with what they have."""
    ids = [row["id"] for row in rows]
    users: dict[str, list[Row]] = {key: [] for key in ids}
    for user in await tx.rows("users_of_accounts", ids, MOST_USERS):
        users[user["account_id"]].append(fitted(user_row(user), "UserResponse"))
    figures = await _figures(ids, tx) if counted else {}
    return [
        {**_account(row), "user": users[row["id"]], **figures.get(row["id"], {})} for row in rows
    ]


def _account(row: Record) -> dict[str, Any]:
    kind, name = ROLE_NAMES[row["role"]]
    return {
        "id": row["id"],
        "name": row["name"],
        "accounttype": TYPES[row["role"]],
        "roleid": row["role"],
        "roletype": kind,
        "rolename": name,
        "domainid": row["domain_id"],
        "domain": row["domain_name"],
        "domainpath": row["path"],
        "state": row["state"],
        "created": row["created"],
        "networkdomain": row["network_domain"] or None,
        "isdefault": False,
        "iscleanuprequired": False,
    }


async def _figures(ids: list[str], tx: Tx) -> dict[str, dict[str, Any]]:
    """Total, limit and what is left, by account."""
    rows = await tx.rows("resources_of_accounts", ids, sorted(COUNTED))
    there = {(row["account_id"], row["noun"]): row["count"] for row in rows}
    limits = {(r["account_id"], r["type"]): r["max"] for r in await tx.rows("limits_of", ids, [])}
    return {key: _counters(key, there, limits) for key in ids}


def _counters(
    key: str, there: Mapping[tuple[str, str], int], limits: Mapping[tuple[str, int], int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for noun, kind in COUNTED.items():
        most, total = limits.get((key, kind)), there.get((key, noun), 0)
        found |= {f"{noun}limit": _told(most), f"{noun}total": total}
        found[f"{noun}available"] = _told(None if most is None else max(most - total, 0))
    return {**found, "secondarystoragelimit": _told(limits.get((key, Kind.SECONDARY_STORAGE)))}


def _told(most: int | None) -> str:
    return "Unlimited" if most is None else str(most)


def domain_row(row: Record) -> Row:
    """Of a row of ``domains_page``."""
    return {
        "id": row["id"],
        "name": row["name"],
        "level": len(row["lineage"]) - 1,
        "parentdomainid": row["parent_id"],
        "parentdomainname": row["parent_name"],
        "haschild": row["has_child"],
        "networkdomain": row["network_domain"] or None,
        "path": row["path"],
        "state": "Active",
        "created": row["created"],
    }
