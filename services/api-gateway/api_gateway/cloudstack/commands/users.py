"""Users of accounts, and their keys."""

from collections.abc import Mapping
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.accounts import Keys, add_keys, hash_of, new_key
from api_gateway.cloudstack import jobs
from api_gateway.cloudstack.answers import Answer, One, Row, Rows, Success, fitted
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.accounts import new_user
from api_gateway.cloudstack.errors import FORBIDDEN, PARAMETER, Refused
from api_gateway.cloudstack.jobs import Job
from api_gateway.cloudstack.owners import acting
from api_gateway.cloudstack.people import asked_people, user_row
from api_gateway.deps import Deps
from api_gateway.tenancy.accounts import managed_account
from api_gateway.tenancy.passwords import kept, matches
from api_gateway.tenancy.users import (
    UserChange,
    add_user,
    change_user,
    check_password,
    drop_user,
    find_user,
    managed_user,
)


async def list_users(ask: Ask) -> Answer:
    """List users."""
    paging = Paging.of(ask)
    async with ask.desk.transaction() as tx:
        wanted = await asked_people(ask, "username", tx)
        rows = await tx.rows("users_page", *wanted, paging.offset, paging.limit)
        count = await tx.value("count_users", *wanted)
    return Rows([user_row(row) for row in rows], count)


async def get_user(ask: Ask) -> Answer:
    """Tell whose an API key is."""
    async with ask.desk.transaction() as tx:
        key = await tx.value("user_of_key", hash_of(ask.text("userapikey")))
        if key is None:
            raise Refused(PARAMETER, "User does not exist for the given API key")
        await find_user(key, ask.principal, tx)
        return One(await _shown(key, tx))


async def _shown(key: str, tx: Tx) -> Row:
    (row,) = await tx.rows("users_page", None, key, "", "", "", "", 0, 1)
    return user_row(row)


async def create_user(ask: Ask) -> Answer:
    """Add a user to an account."""
    password = await kept(check_password(ask.text("password")))
    async with ask.desk.transaction() as tx:
        account = await managed_account((await acting(ask, tx)).account_id, ask.principal, tx)
        key = await add_user(account, new_user(ask, password, ask.text("userid")), tx)
        return One(await _shown(key, tx))


async def update_user(ask: Ask) -> Answer:
    """Change a user's name or password; whoever is no admin tells the current one, too."""
    _refuse_keys(ask)
    password = await _new_password(ask)
    facts = {
        "first_name": ask.text("firstname") or None,
        "last_name": ask.text("lastname") or None,
        "email": ask.text("email") or None,
        "timezone": ask.text("timezone") or None,
    }
    given = {name: text for name, text in facts.items() if text is not None}
    change = UserChange(ask.text("username") or None, password, None, given)
    return await _changed(ask, change)


def _refuse_keys(ask: Ask) -> None:
    if ask.text("userapikey") or ask.text("usersecretkey"):
        raise Refused(PARAMETER, "keys are made here, not given", hint="call registerUserKeys")


async def _new_password(ask: Ask) -> str | None:
    """As it is kept; None for no new one. Raises Refused without the one before."""
    if "password" not in ask.values:
        return None
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
    if not ask.caller.manages:
        await _check_current(user, ask)
    return await kept(check_password(ask.text("password")))


async def _check_current(user: Record, ask: Ask) -> None:
    if not ask.text("currentpassword"):
        raise Refused(PARAMETER, "To set a new password the current password must be provided")
    if not await matches(check_password(ask.text("currentpassword")), user["password"]):
        raise Refused(PARAMETER, "Current password is incorrect")


async def _changed(ask: Ask, change: UserChange) -> Answer:
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
        await change_user(user, change, ask.principal, tx)
        return One(await _shown(user["id"], tx))


async def enable_user(ask: Ask) -> Answer:
    """Let a user in again."""
    return await _changed(ask, UserChange(state="enabled"))


async def disable_user(ask: Ask) -> Answer:
    """Shut a user out."""
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
        await change_user(user, UserChange(state="disabled"), ask.principal, tx)
        return await jobs.start(ask, tx, "user", user["id"])


async def delete_user(ask: Ask) -> Answer:
    """Delete a user with its keys and sessions."""
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
        await drop_user(user, ask.principal, tx)
    return Success()


async def register_user_keys(ask: Ask) -> Answer:
    """Make a user's API key and secret key, shown once; those it had end."""
    keys = Keys(api_key=new_key(), secret_key=new_key())
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
        if user["id"] != ask.caller.user_id and not ask.caller.manages:
            raise Refused(FORBIDDEN, "a user makes its own keys only")
        await tx.run("drop_keys_of_user", user["id"])
        await add_keys(tx, ask.deps.cipher, user["id"], keys)
    return One(
        {"apikey": keys.api_key.get_secret_value(), "secretkey": keys.secret_key.get_secret_value()}
    )


async def get_user_keys(ask: Ask) -> Answer:
    """Tell whether a user has keys; they themselves are shown when they are made, and kept
    nowhere."""
    async with ask.desk.transaction() as tx:
        user = await managed_user(ask.text("id"), ask.principal, tx)
        there = await tx.value("has_keys", user["id"])
    return One({"apikeyaccess": "Enabled" if there else "Disabled"})


async def user_result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """The user as it is now, if it is still there."""
    async with desk.transaction() as tx:
        if await tx.row("user", job.subject_id) is None:
            return {"success": True}
        return {"user": fitted(await _shown(job.subject_id, tx), "UserResponse")}


COMMANDS = (
    Command("listUsers", list_users, missing="icons, user sources but native, API keys"),
    Command("getUser", get_user),
    Command("createUser", create_user),
    Command(
        "updateUser", update_user, missing="two-factor login, API key access; keys that are given"
    ),
    Command("enableUser", enable_user),
    Command("disableUser", disable_user, result=user_result),
    Command("deleteUser", delete_user),
    Command("registerUserKeys", register_user_keys),
    Command(
        "getUserKeys", get_user_keys, missing="the keys: they are shown once, by registerUserKeys"
    ),
)
