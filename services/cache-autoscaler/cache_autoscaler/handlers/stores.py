"""Data stores of role ImageCache: proven before they exist, drained before they go."""

from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, Problem, StowageError
from stowage_contracts.messages.cache_autoscaler import CacheChanged, CacheDraining, CacheRejected
from stowage_contracts.messages.image_store import AddStore, ProbeStore, RemoveStore, StoreDemoted
from stowage_contracts.values import StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx

from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import intend_probe
from cache_autoscaler.store import secret_row, store_view


async def on_add_store(message: AddStore, tx: Tx, deps: Deps) -> None:
    """Keep the settings only until the probe has spoken; a refusal leaves nothing behind."""
    known = await tx.row("store", message.store_id)
    if known is not None:
        if known["state"] != StoreState.ADDING:
            await tx.say(CacheChanged(state=store_view(known)))
        return
    await _add(message, tx, deps, adopting=False)


async def on_store_demoted(message: StoreDemoted, tx: Tx, deps: Deps) -> None:
    """An image store becomes a cache as it stands; what lies on it becomes its entries."""
    if await tx.row("store", message.cache.id) is not None:
        return
    cache = message.cache
    adding = AddStore(
        store_id=cache.id,
        name=cache.name,
        provider=cache.provider,
        role=StoreRole.IMAGE_CACHE,
        scope=cache.scope,
        settings=cache.settings,
        sealed=message.sealed,
    )
    await _add(adding, tx, deps, adopting=True)


async def _add(message: AddStore, tx: Tx, deps: Deps, *, adopting: bool) -> None:
    try:
        await _insert(message, tx, deps, adopting=adopting)
    except StowageError as error:
        await tx.say(CacheRejected(state=_rejected(message, error.problem)))
        return
    await intend_probe(tx, message.store_id)


async def _insert(message: AddStore, tx: Tx, deps: Deps, *, adopting: bool) -> None:
    if message.role is not StoreRole.IMAGE_CACHE:
        raise InvalidInput(f"{message.role} stores belong to another service", code="role")
    context = sealing.for_store(message.store_id)
    opened = deps.opener.open(message.sealed, context) if message.sealed else b""
    admitted = deps.stores.admit(message, opened)
    sealed = deps.cipher.seal(admitted.secrets, secret_row(message.store_id))
    scope = message.scope
    added = await tx.run(
        "add_store",
        message.store_id,
        message.name,
        admitted.provider,
        scope.type,
        scope.id,
        scope.zone_id,
        admitted.settings,
        sealed,
        adopting,
    )
    if not added:
        raise Conflict("this place is already a cache store", code="exists")


def _rejected(message: AddStore, problem: Problem) -> StoreView:
    return StoreView(
        id=message.store_id,
        name=message.name,
        provider=message.provider,
        role=message.role,
        scope=message.scope,
        state=StoreState.REMOVED,
        error=problem,
    )


async def on_probe_store(message: ProbeStore, tx: Tx, deps: Deps) -> None:
    """Probe a known store again; an unknown one is nobody's."""
    if await tx.row("store", message.store_id) is not None:
        await intend_probe(tx, message.store_id)


async def on_remove_store(message: RemoveStore, tx: Tx, deps: Deps) -> None:
    """No new entries; the sweeper evicts what no copy pins, and then removes the store."""
    seconds = deps.settings.cache_drain_seconds
    if await tx.run("drain_store", message.store_id, seconds):
        row = await tx.row("store", message.store_id)
        assert row is not None
        await tx.say(CacheDraining(state=store_view(row)))
