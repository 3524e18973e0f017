"""Data stores of role Image: proven before they exist, and watched after."""

from dataclasses import replace

from asyncpg import Record
from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, Problem, StowageError
from stowage_contracts.messages.image_store import (
    AddStore,
    ChangeStore,
    ProbeStore,
    RemoveStore,
    StoreChanged,
    StoreRejected,
)
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_stores.hosting import Admitted

from image_store.deps import Deps
from image_store.intents.cleaning import forget_store, intend_remove
from image_store.intents.lifecycles import intend_lifecycle
from image_store.intents.probing import intend_probe
from image_store.intents.reconfiguring import intend_trial
from image_store.model.store_states import changed, mode_of
from image_store.objects.replicas import fail_replica
from image_store.store import hosted, need
from image_store.views import say_store, say_trouble, store_view

_UNFINISHED = frozenset({ReplicaState.ALLOCATED, ReplicaState.CREATING, ReplicaState.FAILED})


async def on_add_store(message: AddStore, tx: Tx, deps: Deps) -> None:
    """Keep the settings only until the probe has spoken; a refusal leaves nothing behind."""
    known = await tx.row("store", message.store_id)
    if known is not None:
        await tx.say(StoreChanged(state=store_view(known)))
        return
    try:
        await _insert(message, tx, deps)
    except StowageError as error:
        await tx.say(StoreRejected(state=_rejected(message, error.problem)))
        return
    await intend_probe(tx, message.store_id)


async def _insert(message: AddStore, tx: Tx, deps: Deps) -> None:
    if message.role is not StoreRole.IMAGE:
        raise InvalidInput(f"{message.role} stores belong to another service", code="role")
    context, scope = sealing.for_store(message.store_id), message.scope
    opened = deps.opener.open(message.sealed, context) if message.sealed else b""
    admitted = deps.stores.admit(message, opened)
    if scope.zone_id and await tx.row("zone", scope.zone_id) is None:
        raise InvalidInput(f"unknown zone {scope.zone_id}", code="zone")
    row = {
        "id": message.store_id,
        "name": message.name,
        "provider": admitted.provider,
        "role": message.role,
        "scope_type": scope.type,
        "scope_id": scope.id,
        "zone_id": scope.zone_id,
        "settings": admitted.settings,
        "sealed": deps.cipher.seal(admitted.secrets, context),
        "tags": message.tags,
    }
    added = await tx.run("add_store", row)
    if not added:
        raise Conflict("this place is already a store", resource=f"store/{message.store_id}")


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


async def on_change_store(message: ChangeStore, tx: Tx, deps: Deps) -> None:
    """All of it or nothing; new settings are on trial first, while the old ones serve."""
    store = await tx.row("lock_store", message.store_id)
    if store is None:
        return
    try:
        await _change(message, store, tx, deps)
    except StowageError as error:
        await say_trouble(tx, store["id"], error.problem, message.asked)
    else:
        await say_store(tx, store["id"])


async def _change(message: ChangeStore, store: Record, tx: Tx, deps: Deps) -> None:
    if store["role"] == StoreRole.PRIMARY:
        raise Conflict("a pool is what its agent says of it", resource=f"store/{store['id']}")
    state, wished = await _new_state(message, store, tx)
    admitted = _admitted(message, store, deps)
    tags = None if message.tags is None else list(message.tags)
    await tx.run(
        "change_store", store["id"], state, wished, message.name, tags, message.capacity_bytes
    )
    if message.capacity_bytes is not None:
        await intend_probe(tx, store["id"])
    if admitted is not None:
        sealed = deps.cipher.seal(admitted.secrets, sealing.for_store(store["id"]))
        await tx.run("try_settings", store["id"], admitted.settings, sealed)
        await intend_trial(tx, store["id"])
    if mode_of(state) != store["told"]:
        await intend_lifecycle(tx, store["id"])


async def _new_state(message: ChangeStore, store: Record, tx: Tx) -> tuple[StoreState, StoreState]:
    """The state now, and the one to return to when it has healed; raises Conflict."""
    state, wished = StoreState(store["state"]), StoreState(store["wished"])
    if message.state is None:
        return state, wished
    if store["evacuation"] and message.state is not StoreState.DRAINING:
        raise Conflict("it is being emptied", code="evacuating", hint="stop the evacuation first")
    if await tx.value("being_removed", store["id"]):
        raise Conflict("it is being removed", code="removing", resource=f"store/{store['id']}")
    after = changed(state, message.state)
    returns = {StoreState.UP, StoreState.READ_ONLY}
    return after, message.state if message.state in returns else wished


def _admitted(message: ChangeStore, store: Record, deps: Deps) -> Admitted | None:
    if message.settings is None and message.sealed is None:
        return None
    context = sealing.for_store(store["id"])
    opened = deps.opener.open(message.sealed, context) if message.sealed else b""
    row = hosted(store)
    if store["new_settings"] is not None:  # what was asked for a moment ago holds too
        row = replace(row, settings=store["new_settings"], sealed=store["new_sealed"])
    return deps.stores.admit_change(row, message.settings, opened)


async def on_remove_store(message: RemoveStore, tx: Tx, deps: Deps) -> None:
    """Refused while it holds a Ready replica; replicas still being made fail with it."""
    await tx.rows("lock_objects_on", message.store_id)
    store = await tx.row("lock_store", message.store_id)
    if store is None or await tx.value("being_removed", store["id"]):
        return
    refs = await tx.rows("refs_on_store", message.store_id)
    held = [ref["object_id"] for ref in refs if ref["state"] not in _UNFINISHED]
    if held:
        await _refuse_removal(message, held, tx)
        return
    gone = Conflict("the store was removed", resource=f"store/{store['id']}", code="store_removed")
    for ref in refs:
        await fail_replica(tx, ref, gone.problem)
    if store["role"] == StoreRole.PRIMARY:  # only its agent can touch it, and cleans up itself
        await forget_store(tx, store["id"], None)
        return
    await tx.run("drain_store", store["id"])
    await tx.say(StoreChanged(state=store_view(await need(tx, "store", store["id"]))))
    await intend_remove(tx, store["id"])


async def _refuse_removal(message: RemoveStore, held: list[str], tx: Tx) -> None:
    error = Conflict(
        f"{len(held)} replicas are on it: {', '.join(held[:20])}",
        code="store_in_use",
        resource=f"store/{message.store_id}",
        hint="delete or move them first",
    )
    await say_trouble(tx, message.store_id, error.problem, message.asked)
