"""Users of an account and their keys."""

from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Keys, add_keys, new_key
from api_gateway.deps import Deps
from api_gateway.idempotency import accept, refuse_key
from api_gateway.routes.tenancy.bodies import KeyPair, NewUserBody, UserList, UserView
from api_gateway.tenancy.accounts import find_account, managed_account
from api_gateway.tenancy.passwords import kept
from api_gateway.tenancy.users import FACTS, NewUser, add_user, drop_user, managed_user

MOST = 1000


async def create_user(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add a user to an account."""
    call.principal.require_manager()
    body = call.body
    password = None if body.password is None else await kept(body.password)
    facts = {name: getattr(body, name) for name in FACTS}

    async def make(tx: Tx) -> UserView:
        account = await managed_account(call.path["id"], call.principal, tx)
        key = await add_user(account, NewUser(body.name, password, body.id or "", facts), tx)
        return await _shown(key, tx)

    return await accept(call, desk, deps, make)


async def _shown(key: str, tx: Tx) -> UserView:
    row = await tx.row("user", key)
    assert row is not None
    return UserView.of(row)


async def list_users(call: Call, desk: Desk, deps: Deps) -> UserList:
    """The users of an account, oldest first."""
    async with desk.transaction() as tx:
        account = await find_account(call.path["id"], call.principal, tx)
        rows = await tx.rows("users_of_accounts", [account["id"]], MOST)
    return UserList(items=tuple(map(UserView.of, rows)))


async def delete_user(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Delete a user with its keys."""
    call.principal.require_manager()

    async def make(tx: Tx) -> UserView:
        user = await managed_user(call.path["id"], call.principal, tx)
        await drop_user(user, call.principal, tx)
        return UserView.of(user)

    return await accept(call, desk, deps, make)


async def create_keys(call: Call, desk: Desk, deps: Deps) -> KeyPair:
    """One more pair of keys for a user; others it has keep working."""
    refuse_key(call, "a pair of keys")
    keys = Keys(api_key=new_key(), secret_key=new_key())
    async with desk.transaction() as tx:
        user = await managed_user(call.path["id"], call.principal, tx)
        key_id = await add_keys(tx, deps.cipher, user["id"], keys)
    return KeyPair(
        id=key_id, account_id=user["account_id"], api_key=keys.api_key, secret_key=keys.secret_key
    )


_TAGS = ("accounts",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/accounts/{id}/users",
        create_user,
        "Add a user to an account",
        body=NewUserBody,
        reply=UserView,
        status=201,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/accounts/{id}/users",
        list_users,
        "List an account's users",
        reply=UserList,
        tags=_TAGS,
    ),
    Route("DELETE", "/v1/users/{id}", delete_user, "Delete a user", reply=UserView, tags=_TAGS),
    Route(
        "POST",
        "/v1/users/{id}/keys",
        create_keys,
        "Make a pair of keys for a user",
        reply=KeyPair,
        status=201,
        tags=_TAGS,
    ),
)
