"""API keys of all accounts; a key is shown once and only its hash is kept."""

from stowage_contracts.errors import NotFound
from stowage_contracts.values import Id, Instant, Value
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import is_id
from api_gateway.deps import Deps


class KeyView(Value):
    """A pair of keys, without the keys."""

    id: Id
    account_id: Id
    created: Instant


class KeyList(Value):
    """All pairs of keys."""

    items: tuple[KeyView, ...]


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
    Route("GET", "/v1/keys", list_keys, "List API keys", reply=KeyList, tags=("accounts",)),
    Route(
        "DELETE", "/v1/keys/{id}", drop_key, "Revoke an API key", reply=KeyList, tags=("accounts",)
    ),
)
