"""Data stores of role Image: proven before they exist, and watched after."""

from stowage_contracts import sealing
from stowage_contracts.errors import Conflict, InvalidInput, Problem, StowageError
from stowage_contracts.messages.image_store import (
    AddStore,
    ProbeStore,
    RemoveStore,
    StoreChanged,
    StoreRejected,
)
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx

from image_store.cleaning import forget_store, intend_remove
from image_store.deps import Deps
from image_store.intents.probing import intend_probe
from image_store.replicas import fail_replica
from image_store.store import need
from image_store.views import store_view

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


async def on_remove_store(message: RemoveStore, tx: Tx, deps: Deps) -> None:
    """Refused while it holds a Ready replica; replicas still being made fail with it."""
    await tx.rows("lock_objects_on", message.store_id)
    store = await tx.row("lock_store", message.store_id)
    if store is None or store["state"] == StoreState.DRAINING:
        return
    refs = await tx.rows("refs_on_store", message.store_id)
    held = [ref["object_id"] for ref in refs if ref["state"] not in _UNFINISHED]
    if held:
        await _refuse_removal(message.store_id, held, tx)
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


async def _refuse_removal(store_id: str, held: list[str], tx: Tx) -> None:
    error = Conflict(
        f"{len(held)} replicas are on it: {', '.join(held[:20])}",
        code="store_in_use",
        resource=f"store/{store_id}",
        hint="delete or move them first",
    )
    await tx.run("store_error", store_id, error.problem.model_dump(mode="json"))
    store = await tx.row("store", store_id)
    assert store is not None
    await tx.say(StoreChanged(state=store_view(store)))
