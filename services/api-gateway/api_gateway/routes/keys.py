"""Accounts and their API keys; a key is shown once and only its hash is kept."""

from stowage_contracts.errors import NotFound
from stowage_contracts.values import Id, Instant, Name, Secret, Value, new_id
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Keys, add_keys, new_key
from api_gateway.bodies import Given, is_id
from api_gateway.deps import Deps
from api_gateway.idempotency import refuse_key


class NewAccount(Given):
    """An account to create, with its first pair of keys."""

    name: Name
    admin: bool = False


class KeyPair(Value):
    """A pair of keys, shown once."""

    id: Id
    account_id: Id
    api_key: Secret
    secret_key: Secret


class KeyView(Value):
    """A pair of keys, without the keys."""

    id: Id
    account_id: Id
    created: Instant


class KeyList(Value):
    """All pairs of keys."""

    items: tuple[KeyView, ...]


async def add_account(call: Call, desk: Desk, deps: Deps) -> KeyPair:
    """Create an account; the answer carries its keys."""
    call.principal.require_admin()
    refuse_key(call, "a pair of keys")
    account_id = new_id()
    keys = Keys(api_key=new_key(), secret_key=new_key())
    async with desk.transaction() as tx:
        await tx.run("add_account", account_id, call.body.name, call.body.admin)
        key_id = await add_keys(tx, deps.cipher, account_id, keys)
    return KeyPair(
        id=key_id, account_id=account_id, api_key=keys.api_key, secret_key=keys.secret_key
    )


async def list_keys(call: Call, desk: Desk, deps: Deps) -> KeyList:
    """List pairs of keys."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        rows = await tx.rows("keys")
    return KeyList(items=tuple(KeyView.model_validate(dict(row)) for row in rows))


async def drop_key(call: Call, desk: Desk, deps: Deps) -> KeyList:
    """Revoke a pair of keys; it stops working at once."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        key_id = call.path["id"]
        if not is_id(key_id) or not await tx.run("drop_key", key_id):
            raise NotFound("no such key", resource=f"key/{key_id[:64]}")
    return await list_keys(call, desk, deps)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/accounts",
        add_account,
        "Create an account",
        body=NewAccount,
        reply=KeyPair,
        status=201,
        tags=("accounts",),
    ),
    Route("GET", "/v1/keys", list_keys, "List API keys", reply=KeyList, tags=("accounts",)),
    Route(
        "DELETE", "/v1/keys/{id}", drop_key, "Revoke an API key", reply=KeyList, tags=("accounts",)
    ),
)
