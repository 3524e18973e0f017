"""Users of an account: who they are, their passwords and their keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import Forbidden, Principal
from api_gateway.bodies import is_id
from api_gateway.tenancy.accounts import find_account, managed_account

FACTS = ("first_name", "last_name", "email", "timezone")


@dataclass(frozen=True)
class NewUser:
    """A user to make; ``password`` as it is kept, None for one with keys only."""

    name: str
    password: str | None = None
    id: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Any of FACTS."""


@dataclass(frozen=True)
class UserChange:
    """What to change; None stays."""

    name: str | None = None
    password: str | None = None
    state: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


async def find_user(key: str, principal: Principal, tx: Tx) -> Record:
    """A user of an account the caller sees; raises NotFound."""
    row = await tx.row("user", key) if is_id(key) else None
    if row is None or not principal.may_see(row["account_id"]):
        raise NotFound("no such user", resource=f"user/{key[:64]}")
    return row


async def managed_user(key: str, principal: Principal, tx: Tx) -> Record:
    """As ``find_user``, of one the caller may change: its own account's, or an admin's."""
    row = await find_user(key, principal, tx)
    if row["account_id"] == principal.account_id:
        await find_account(row["account_id"], principal, tx)
    else:
        await managed_account(row["account_id"], principal, tx)
    return row


async def add_user(account: Record, new: NewUser, tx: Tx) -> str:
    """Raises Conflict for a name that another user of the domain has, or a taken id."""
    key = new.id or new_id()
    await tx.value("lock_domain", account["domain_id"])
    await _check_name(new.name, account["domain_id"], tx)
    facts = [new.facts.get(name, "") for name in FACTS]
    row = (key, account["id"], new.name, new.password, *facts)
    if not is_id(key) or not await tx.run("add_user", *row):
        raise Conflict("the user's id is taken or no id", code="exists", resource="user")
    return key


async def _check_name(name: str, domain_id: str, tx: Tx) -> None:
    if not name.strip():
        raise InvalidInput("a user has a name", code="name")
    if await tx.value("user_named", name, domain_id):
        raise Conflict(f"there is a user {name} in the domain", code="exists")


async def change_user(user: Record, change: UserChange, by: Principal, tx: Tx) -> None:
    """A new password ends the user's sessions."""
    if change.name is not None and change.name != user["name"]:
        await tx.value("lock_domain", user["domain_id"])
        await _check_name(change.name, user["domain_id"], tx)
    if change.state == "disabled" and user["account_id"] == by.account_id:
        raise Forbidden("nobody shuts out its own users", code="own_account")
    facts = [change.facts.get(name) for name in FACTS]
    await tx.run("change_user", user["id"], change.name, change.password, change.state, *facts)
    if change.password is not None or change.state == "disabled":
        await tx.run("end_sessions_of_user", user["id"])


async def drop_user(user: Record, by: Principal, tx: Tx) -> None:
    """With its keys and sessions; raises Forbidden for one of the caller's own account."""
    if user["account_id"] == by.account_id:
        raise Forbidden("nobody deletes its own users", code="own_account")
    await tx.run("drop_user", user["id"])


def check_password(password: str) -> SecretStr:
    """Raises InvalidInput for none."""
    if not password:
        raise InvalidInput("Empty passwords are not allowed", code="password")
    return SecretStr(password)
