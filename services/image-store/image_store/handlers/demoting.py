"""Image stores that become caches: their replicas are forgotten, no byte of theirs is touched."""

import json

from asyncpg import Record
from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import (
    AddStore,
    DemoteStore,
    EvacuateStore,
    StoreDemoted,
    StoreRemoved,
)
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.secrets import Sealer
from stowage_stores.hosting import Admitted

from image_store.deps import Deps
from image_store.intents.cleaning import intend_close
from image_store.keeping.evacuating import begin
from image_store.objects.replicas import fail_replica
from image_store.objects.rows import forget_if_gone, mind
from image_store.store import need, reference
from image_store.views import say_changed, say_trouble, store_view

_NAMED = 20
_NEVER_WAS = frozenset({ReplicaState.ALLOCATED, ReplicaState.FAILED})
_MAY = frozenset({StoreState.UP, StoreState.READ_ONLY, StoreState.DRAINING})


async def on_demote_store(message: DemoteStore, tx: Tx, deps: Deps) -> None:
    """All of it in one transaction, or nothing; the store then tells why not."""
    await tx.rows("lock_objects_on", message.store_id)
    if await tx.row("lock_store", message.store_id) is None:
        return
    store = await need(tx, "store", message.store_id)
    try:
        await _check_staying(store, tx)
        if message.copy_first:
            admitted = await _admitted(message, store, tx, deps)
            _sealed(_cache(message, admitted), admitted, deps)
            await begin(tx, store, EvacuateStore(store_id=store["id"]), cache=message)
        else:
            await _demote(message, store, tx, deps)
    except StowageError as error:
        await say_trouble(tx, store["id"], error.problem, message.asked)


async def demote_copied(tx: Tx, deps: Deps) -> None:
    """Stores that were to wait for copies become caches once nothing stands against it."""
    for found in await tx.rows("to_demote"):
        await tx.rows("lock_objects_on", found["id"])
        await tx.row("lock_store", found["id"])
        store = await need(tx, "store", found["id"])
        if not store["evacuation"] or "cache" not in store["evacuation"]:
            continue
        try:
            message = DemoteStore.model_validate(store["evacuation"]["cache"])
            await _demote(message, store, tx, deps)
        except Conflict:
            continue  # what is still to be copied, or is read just now, shows in its evacuation
        except StowageError as error:
            await tx.run("stop_evacuation", store["id"], False)
            await say_trouble(tx, store["id"], error.problem)


async def _demote(message: DemoteStore, store: Record, tx: Tx, deps: Deps) -> None:
    admitted = await _admitted(message, store, tx, deps)
    await _check_unused(store, tx)
    cache = _cache(message, admitted)
    sealed = _sealed(cache, admitted, deps)
    await _give_up(store, tx)
    await tx.say(StoreDemoted(store_id=store["id"], cache=cache, sealed=sealed))
    await intend_close(tx, store["id"])


async def _check_staying(store: Record, tx: Tx) -> None:
    if store["evacuation"] or await tx.value("being_removed", store["id"]):
        where = f"store/{store['id']}"
        raise Conflict("it is being emptied or removed", code="leaving", resource=where)


async def _admitted(message: DemoteStore, store: Record, tx: Tx, deps: Deps) -> Admitted:
    """Its settings as a cache's; raises what stands against it."""
    where, state, zone = f"store/{store['id']}", StoreState(store["state"]), store["zone_id"]
    if store["role"] != StoreRole.IMAGE:
        raise InvalidInput("only image stores become caches", code="role", resource=where)
    if state not in _MAY:
        raise Conflict(f"the store is {state}", code="store_state", resource=where)
    if zone is not None and message.scope.zone_id != zone:
        raise InvalidInput(f"the store is of zone {zone}", code="scope", resource=where)
    if message.scope.zone_id:
        await need(tx, "zone", message.scope.zone_id)
    wanted = AddStore(
        store_id=message.cache_store_id,
        name=message.name,
        provider=store["provider"],
        role=StoreRole.IMAGE_CACHE,
        scope=message.scope,
        settings=store["settings"],
    )
    secrets = deps.cipher.open(store["sealed"], sealing.for_store(store["id"]))
    return deps.stores.admit(wanted, secrets)


async def _check_unused(store: Record, tx: Tx) -> None:
    """Raises Conflict while anything would be lost with it, or is under way there."""
    where = f"store/{store['id']}"
    only = await tx.rows("only_on_store", store["id"])
    if only:
        raise Conflict(
            f"it holds the only ready replica of {len(only)} objects: {_names(only)}",
            code="store_in_use",
            resource=where,
            hint="copy them to other image stores first, or delete them",
        )
    busy = await tx.rows("busy_on_store", store["id"])
    if busy:
        names = ", ".join(
            f"{row['noun']}/{row['object_id']} {row['what']}" for row in busy[:_NAMED]
        )
        raise Conflict(
            f"{len(busy)} replicas are in use: {names}",
            code="store_busy",
            resource=where,
            hint="ask again when that is done",
        )


def _names(rows: list[Record]) -> str:
    told = (f"{row['noun']}/{row['object_id']} {row['what']}".rstrip() for row in rows[:_NAMED])
    return ", ".join(told)


def _cache(message: DemoteStore, admitted: Admitted) -> StoreView:
    return StoreView(
        id=message.cache_store_id,
        name=message.name,
        provider=admitted.provider,
        role=StoreRole.IMAGE_CACHE,
        scope=message.scope,
        state=StoreState.ADDING,
        settings=admitted.settings,
    )


def _sealed(cache: StoreView, admitted: Admitted, deps: Deps) -> str:
    """Its secrets, for the owner of caches alone; raises Conflict where that has no key here."""
    if not any(json.loads(admitted.secrets).values()):
        return ""
    public = deps.settings.seal_public_key_cache_autoscaler
    if not public:
        raise Conflict(
            f"{cache.provider} stores have secrets, and no key of cache-autoscaler is known here",
            code="seal_key",
            hint="set STOWAGE_SEAL_PUBLIC_KEY_CACHE_AUTOSCALER for image-store, as for the gateway",
        )
    return Sealer.seal(public, admitted.secrets, sealing.for_store(cache.id))


async def _give_up(store: Record, tx: Tx) -> None:
    """Forget the store and what was on it; what lies there is not deleted."""
    objects = await tx.rows("lock_objects_on", store["id"])
    gone = Conflict("its store became a cache", resource=f"store/{store['id']}", code="demoted")
    for ref in await tx.rows("refs_on_store", store["id"]):
        if ref["state"] in _NEVER_WAS:
            await fail_replica(tx, ref, gone.problem)
    await tx.run("drop_refs_on_store", store["id"])
    await tx.run("unwant_store", store["id"], None, None)
    await tx.run("drop_store", store["id"])
    told = {"state": StoreState.REMOVED, "reserved_bytes": 0}
    await tx.say(StoreRemoved(state=store_view(store).model_copy(update=told)))
    for row in objects:
        what = reference(row)
        await forget_if_gone(tx, what)
        if await tx.row("object", what.noun, what.id) is not None:
            await mind(tx, what)
            await say_changed(tx, what)
