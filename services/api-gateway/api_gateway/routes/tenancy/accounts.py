"""Accounts: created with a user and keys, changed, ended."""

from pydantic import BaseModel
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Keys, add_keys, new_key
from api_gateway.deps import Deps
from api_gateway.idempotency import accept, refuse_key
from api_gateway.resources import Page, PageQuery, cursor, position
from api_gateway.routes.tenancy.bodies import AccountPatch, AccountView, KeyPair, NewAccount
from api_gateway.tenancy import accounts as rules
from api_gateway.tenancy.accounts import AccountChange, drop_account, find_account, managed_account


async def create_account(call: Call, desk: Desk, deps: Deps) -> KeyPair:
    """Create an account; the answer carries its keys."""
    call.principal.require_manager()
    refuse_key(call, "a pair of keys")
    body, keys = call.body, Keys(api_key=new_key(), secret_key=new_key())
    new = rules.NewAccount(
        body.name, body.wanted, body.domain_id or "", "", body.network_domain, shared_name=True
    )
    async with desk.transaction() as tx:
        account_id = await rules.add_account(new, call.principal, tx)
        await tx.run("add_user", account_id, account_id, body.name, None, "", "", "", "")
        key_id = await add_keys(tx, deps.cipher, account_id, keys)
    return KeyPair(
        id=key_id, account_id=account_id, api_key=keys.api_key, secret_key=keys.secret_key
    )


async def list_accounts(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's account, and for admins those under it."""
    after, limit = position(call.query.cursor), call.query.limit
    async with desk.transaction() as tx:
        rows = await tx.rows("accounts_after", call.principal.sees, *after, limit + 1)
    return Page(
        items=[AccountView.of(row) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "created") if len(rows) > limit else None,
    )


async def show_account(call: Call, desk: Desk, deps: Deps) -> AccountView:
    """One account."""
    async with desk.transaction() as tx:
        account = await find_account(call.path["id"], call.principal, tx)
        return await _shown(account["id"], tx)


async def _shown(key: str, tx: Tx) -> AccountView:
    (row,) = await tx.rows("accounts_after", [key], None, "", 1)
    return AccountView.of(row)


async def change_account(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Change an account's name, role or state; one that is not enabled may do nothing."""
    call.principal.require_manager()

    async def make(tx: Tx) -> AccountView:
        account = await managed_account(call.path["id"], call.principal, tx)
        change = AccountChange(**call.body.model_dump())
        await rules.change_account(account, change, call.principal, tx)
        return await _shown(account["id"], tx)

    return await accept(call, desk, deps, make)


async def delete_account(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Delete an account that has nothing any more, with its users and keys."""
    call.principal.require_manager()

    async def make(tx: Tx) -> AccountView:
        account = await managed_account(call.path["id"], call.principal, tx)
        told = await _shown(account["id"], tx)
        await drop_account(account, call.principal, tx)
        return told

    return await accept(call, desk, deps, make)


_TAGS = ("accounts",)
_EACH = "/v1/accounts/{id}"
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/accounts",
        create_account,
        "Create an account",
        body=NewAccount,
        reply=KeyPair,
        status=201,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/accounts",
        list_accounts,
        "List accounts",
        query=PageQuery,
        reply=Page[AccountView],
        tags=_TAGS,
    ),
    Route("GET", _EACH, show_account, "Show an account", reply=AccountView, tags=_TAGS),
    Route(
        "PATCH",
        _EACH,
        change_account,
        "Change, disable or enable an account",
        body=AccountPatch,
        reply=AccountView,
        tags=_TAGS,
    ),
    Route(
        "DELETE",
        _EACH,
        delete_account,
        "Delete an account that has nothing",
        reply=AccountView,
        tags=_TAGS,
    ),
)
