"""Accounts: listed, made, changed and ended."""

from collections.abc import Mapping
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack import jobs
from api_gateway.cloudstack.answers import Answer, One, Row, Rows, fitted
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.jobs import Job
from api_gateway.cloudstack.owners import acting
from api_gateway.cloudstack.people import account_rows, asked_people, role_of
from api_gateway.deps import Deps
from api_gateway.tenancy.accounts import (
    AccountChange,
    NewAccount,
    add_account,
    change_account,
    drop_account,
    managed_account,
)
from api_gateway.tenancy.passwords import kept
from api_gateway.tenancy.users import NewUser, add_user, check_password

_DETAILS = {"all", "resource"}


async def list_accounts(ask: Ask) -> Answer:
    """List accounts with their users; with details=all or resource, what they have."""
    paging = Paging.of(ask)
    async with ask.desk.transaction() as tx:
        wanted = await asked_people(ask, "name", tx)
        rows = await tx.rows("accounts_page", *wanted, paging.offset, paging.limit)
        count = await tx.value("count_accounts", *wanted)
        counted = bool(_DETAILS & set(ask.items("details")))
        return Rows(await account_rows(rows, tx, counted=counted), count)


async def create_account(ask: Ask) -> Answer:
    """Create an account with its first user."""
    password = await kept(check_password(ask.text("password")))
    role = role_of(ask.number("accounttype"), ask.text("roleid"))
    new = NewAccount(
        ask.text("account") or ask.text("username"),
        role,
        ask.text("domainid"),
        ask.text("accountid"),
        ask.text("networkdomain"),
    )
    async with ask.desk.transaction() as tx:
        key = await add_account(new, ask.principal, tx)
        account = await tx.row("account", key)
        assert account is not None
        await add_user(account, new_user(ask, password, ask.text("userid") or key), tx)
        return One(await account_shown(key, tx))


def new_user(ask: Ask, password: str, key: str) -> NewUser:
    """The user that the parameters of createAccount and createUser tell of."""
    facts = {
        "first_name": ask.text("firstname"),
        "last_name": ask.text("lastname"),
        "email": ask.text("email"),
        "timezone": ask.text("timezone"),
    }
    return NewUser(ask.text("username"), password, key, facts)


async def account_shown(key: str, tx: Tx) -> Row:
    """One account."""
    rows = await tx.rows("accounts_page", [key], "", "", "", "", "", 0, 1)
    return (await account_rows(rows, tx))[0]


async def _named(ask: Ask, tx: Tx) -> Record:
    """The account that id, or account and domainid, name."""
    key = ask.text("id")
    if not key:
        if not ask.text("account"):
            raise Refused(PARAMETER, "give id, or account and domainid")
        key = (await acting(ask, tx)).account_id
    return await managed_account(key, ask.principal, tx)


async def _changed(ask: Ask, change: AccountChange) -> str:
    async with ask.desk.transaction() as tx:
        account = await _named(ask, tx)
        await change_account(account, change, ask.principal, tx)
        return str(account["id"])


async def _answered(ask: Ask, change: AccountChange) -> Answer:
    key = await _changed(ask, change)
    async with ask.desk.transaction() as tx:
        return One(await account_shown(key, tx))


async def update_account(ask: Ask) -> Answer:
    """Change an account's name, role or network domain."""
    role = role_of(None, ask.text("roleid")) if ask.text("roleid") else None
    name, network = ask.text("newname") or None, ask.text("networkdomain") or None
    return await _answered(ask, AccountChange(name=name, role=role, network_domain=network))


async def enable_account(ask: Ask) -> Answer:
    """Let an account in again."""
    return await _answered(ask, AccountChange(state="enabled"))


async def lock_account(ask: Ask) -> Answer:
    """Lock an account: nobody of it may call."""
    return await _answered(ask, AccountChange(state="locked"))


async def disable_account(ask: Ask) -> Answer:
    """Shut an account out, or lock it."""
    change = AccountChange(state="locked" if ask.flag("lock") else "disabled")
    async with ask.desk.transaction() as tx:
        account = await _named(ask, tx)
        await change_account(account, change, ask.principal, tx)
        return await jobs.start(ask, tx, "account", account["id"])


async def delete_account(ask: Ask) -> Answer:
    """Delete an account that has nothing any more, with its users, keys and limits."""
    async with ask.desk.transaction() as tx:
        account = await managed_account(ask.text("id"), ask.principal, tx)
        await drop_account(account, ask.principal, tx)
        return await jobs.start(ask, tx, "account", account["id"])


async def account_result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """The account as it is now, if it is still there."""
    async with desk.transaction() as tx:
        if await tx.row("account", job.subject_id) is None:
            return {"success": True}
        return {"account": fitted(await account_shown(job.subject_id, tx), "AccountResponse")}


COMMANDS = (
    Command(
        "listAccounts",
        list_accounts,
        missing="resource figures only with details=resource or all; icons, tags, API key access",
    ),
    Command("createAccount", create_account, missing="accountdetails"),
    Command("updateAccount", update_account, missing="accountdetails, apikeyaccess"),
    Command("enableAccount", enable_account),
    Command("lockAccount", lock_account),
    Command("disableAccount", disable_account, result=account_result),
    Command(
        "deleteAccount",
        delete_account,
        missing="what it has is not deleted with it: refused (431) until it has nothing",
    ),
)
