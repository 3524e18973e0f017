"""Accounts: made, changed and ended by admins of their domain."""

from dataclasses import dataclass
from typing import Literal

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ADMIN_ACCOUNT, Forbidden, Principal, Role
from api_gateway.bodies import is_id
from api_gateway.limits import COUNTED, UNLIMITED, Kind, tell_bytes
from api_gateway.tenancy.domains import find_domain, require_manager

AccountState = Literal["enabled", "disabled", "locked"]


@dataclass(frozen=True)
class NewAccount:
    """An account to make in a domain."""

    name: str
    role: Role = "user"
    domain_id: str = ""
    """The caller's when empty."""
    id: str = ""
    network_domain: str = ""
    shared_name: bool = False
    """Whether others of the domain may have its name."""


@dataclass(frozen=True)
class AccountChange:
    """What to change; None stays."""

    name: str | None = None
    role: Role | None = None
    state: AccountState | None = None
    network_domain: str | None = None


async def find_account(key: str, principal: Principal, tx: Tx) -> Record:
    """An account the caller sees; raises NotFound."""
    row = await tx.row("account", key) if is_id(key) and principal.may_see(key) else None
    if row is None:
        raise NotFound("no such account", resource=f"account/{key[:64]}")
    return row


async def managed_account(key: str, principal: Principal, tx: Tx) -> Record:
    """As ``find_account``, of one that the caller may change; raises Forbidden for others."""
    row = await find_account(key, principal, tx)
    require_manager(principal, await find_domain(row["domain_id"], principal, tx))
    check_role(principal, row["role"])
    return row


def check_role(principal: Principal, role: str) -> None:
    """Raises Forbidden where only a root admin may give or touch the role."""
    if role == "root_admin":
        principal.require_admin()


async def add_account(new: NewAccount, principal: Principal, tx: Tx) -> str:
    """The account without any user; raises Forbidden, Conflict for a taken name or id."""
    domain = await find_domain(new.domain_id or principal.domain_id, principal, tx)
    require_manager(principal, domain)
    check_role(principal, new.role)
    if new.id:  # things of an account that was never here may already bear it
        principal.require_admin()
    key = new.id or new_id()
    await tx.value("lock_domain", domain["id"])
    if not new.shared_name:
        await _check_name(new.name, domain["id"], tx)
    row = (key, new.name, new.role, domain["id"], new.network_domain)
    if not is_id(key) or not await tx.run("make_account", *row):
        raise Conflict("the account's id is taken or no id", code="exists", resource="account")
    return key


async def _check_name(name: str, domain_id: str, tx: Tx) -> None:
    if not name.strip():
        raise InvalidInput("an account has a name", code="name")
    if await tx.rows("accounts_named", name, domain_id):
        raise Conflict(f"there is an account {name} in the domain", code="exists")


async def change_account(account: Record, change: AccountChange, by: Principal, tx: Tx) -> None:
    """Raises Conflict for a taken name, Forbidden for what the caller may not give."""
    if change.role is not None:
        check_role(by, change.role)
    losing = change.state not in (None, "enabled") or change.role not in (None, account["role"])
    if losing and account["id"] in {ADMIN_ACCOUNT, by.account_id}:
        raise Forbidden("nobody shuts out the first admin, or itself", code="own_account")
    if change.name is not None and change.name != account["name"]:
        await tx.value("lock_domain", account["domain_id"])
        await _check_name(change.name, account["domain_id"], tx)
    told = (change.name, change.role, change.state, change.network_domain)
    await tx.run("change_account", account["id"], *told)
    if change.state not in (None, "enabled"):
        await tx.run("end_sessions_of_account", account["id"])


async def drop_account(account: Record, by: Principal, tx: Tx) -> None:
    """With its users, keys and limits; raises Conflict while it has anything else."""
    key = account["id"]
    if key in {ADMIN_ACCOUNT, by.account_id}:
        raise Forbidden("nobody deletes the first admin, or itself", code="own_account")
    await tx.value("lock_account", key)
    for noun in COUNTED:
        if await tx.value("count_resources", [key], noun, 1):
            raise _in_use(key, f"{noun}s")
    if await tx.value("account_has_sinks", key):
        raise _in_use(key, "event sinks")
    if any(row["type"] == Kind.SECONDARY_STORAGE for row in await tx.rows("limits_of", [key], [])):
        await tell_bytes(tx, key, UNLIMITED)
    await tx.run("drop_account", key)


def _in_use(key: str, what: str) -> Conflict:
    return Conflict(
        f"the account has {what}",
        resource=f"account/{key}",
        code="in_use",
        hint="delete them first, or disable the account",
    )
