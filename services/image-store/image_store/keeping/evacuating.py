"""Stores emptied in one verb: planned, moved by the keeper, followed, removed at the end."""

from collections.abc import Mapping
from typing import Any

from asyncpg import Record
from stowage_contracts.catalogue import PlannedMove
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.messages.image_store import (
    DemoteStore,
    EvacuateStore,
    EvacuationPlanned,
    PlanEvacuation,
    StopEvacuation,
    StoreChanged,
)
from stowage_contracts.values import ReplicaState, StoreRole, StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.intents.cleaning import intend_remove
from image_store.keeping.keeper import desired_of, held_of, mind_store, place
from image_store.model.desired import Held, decide
from image_store.objects.replicas import destroy, fail_replica
from image_store.store import need, need_object, object_of
from image_store.views import store_view

_BLOCKERS = 20


async def on_evacuate_store(message: EvacuateStore, tx: Tx, deps: Deps) -> None:
    """Nothing new is placed there; the keeper makes replicas elsewhere and drops these."""
    await tx.rows("lock_objects_on", message.store_id)
    store = await tx.row("lock_store", message.store_id)
    if store is None or store["role"] != StoreRole.IMAGE or store["state"] == StoreState.ADDING:
        return
    await begin(tx, store, message)


async def begin(
    tx: Tx, store: Record, message: EvacuateStore, cache: DemoteStore | None = None
) -> None:
    """Let everything leave a locked store; with ``cache`` its bytes stay there, and it becomes
    that once others have them too."""
    told = {"cache": cache.model_dump(mode="json")} if cache else {}
    left = await tx.row(_left_by(told), message.store_id)
    assert left is not None
    begun = {
        **told,
        "removes": message.remove,
        "objects_total": left["objects"],
        "bytes_total": left["bytes"],
        "objects_left": left["objects"],
        "bytes_left": left["bytes"],
        "started": tx.now.isoformat(),
        "id": message.evacuation_id,
        "to_store_ids": list(message.to_store_ids),
    }
    await tx.run("evacuate_store", message.store_id, begun)
    await mind_store(tx, message.store_id)
    await _show(tx, message.store_id)


async def on_stop_evacuation(message: StopEvacuation, tx: Tx, deps: Deps) -> None:
    """What is there stays; the store stays Draining."""
    if await tx.run("stop_evacuation", message.store_id, False):
        await _show(tx, message.store_id)


async def follow(tx: Tx, deps: Deps) -> None:
    """Tell how far each evacuation is; end it when the store is empty."""
    for found in await tx.rows("evacuating"):
        await tx.rows("lock_objects_on", found["id"])
        store = await need(tx, "lock_store", found["id"])
        if store["evacuation"] is not None:
            await _follow(tx, store)


async def _follow(tx: Tx, store: Record) -> None:
    for ref in await tx.rows("refs_on_store", store["id"]):
        if ref["state"] == ReplicaState.FAILED and await _never_was(tx, ref):
            await destroy(tx, ref)
    for ref in await tx.rows("uploads_on_store", store["id"]):
        gone = Conflict(
            "its store is being emptied", resource=f"store/{store['id']}", code="leaving"
        )
        await fail_replica(tx, ref, gone.problem)
    left = await tx.row(_left_by(store["evacuation"]), store["id"])
    assert left is not None
    if left["objects"] == 0 and "cache" in store["evacuation"]:
        return
    if left["objects"] == 0:
        await _end(tx, store)
        return
    now = store["evacuation"] | {
        "objects_left": left["objects"],
        "bytes_left": left["bytes"],
        "blockers": await _blockers(tx, store["id"]),
    }
    if now != store["evacuation"]:
        await tx.run("evacuation_at", store["id"], now)
        await _show(tx, store["id"])


def _left_by(evacuation: Mapping[str, Any]) -> str:
    """The query of what is left: of a store that becomes a cache what only it holds."""
    return "only_left_on_store" if "cache" in evacuation else "left_on_store"


async def _never_was(tx: Tx, ref: Record) -> bool:
    """Whether it is of an object that was never Ready; the keeper decides of all others, and
    leaves the last replica however damaged."""
    row = await need_object(tx, object_of(ref))
    return row["digest"] is None and row["origin"] != "adopted"


async def _blockers(tx: Tx, store_id: str) -> list[dict[str, Any]]:
    rows = await tx.rows("blocked_on_store", store_id, _BLOCKERS)
    return [row["error"] | {"resource": f"{row['noun']}/{row['id']}"} for row in rows]


async def _end(tx: Tx, store: Record) -> None:
    await tx.run("stop_evacuation", store["id"], True)
    if store["evacuation"]["removes"]:
        await intend_remove(tx, store["id"])
    await _show(tx, store["id"])


async def _show(tx: Tx, store_id: str) -> None:
    await tx.say(StoreChanged(state=store_view(await need(tx, "store", store_id))))


async def on_plan_evacuation(message: PlanEvacuation, desk: Desk, deps: Deps) -> EvacuationPlanned:
    """What would move and where, as things are now; nothing is changed."""
    async with desk.transaction() as tx:
        store = await need(tx, "store", message.store_id)
        if store["role"] != StoreRole.IMAGE:
            raise InvalidInput("only image stores are evacuated", code="role")
        refs = await tx.rows("planned_on_store", store["id"])
        moves = [await _planned(tx, ref, deps) for ref in refs]
    moving = sum(move.size for move in moves if move.to_store_id)
    return EvacuationPlanned(store_id=store["id"], moves=tuple(moves), bytes_to_move=moving)


async def _planned(tx: Tx, ref: Record, deps: Deps) -> PlannedMove:
    what = object_of(ref)
    row = await need_object(tx, what)
    held = [_leaving(one, ref) for one in await held_of(tx, row)]
    own = (ref["store_id"],)
    needs = decide(await desired_of(tx, row, without=own, leaving=own), held).make
    blank = PlannedMove(object=what, size=ref["size"] or 0, possible=True, reason="")
    if ref["state"] != ReplicaState.READY:
        return blank.model_copy(update={"reason": f"it is {ref['state']}: waits, then decides"})
    if not needs:
        return blank.model_copy(update={"reason": "enough good replicas are elsewhere"})
    try:
        store = await place(tx, row, needs[0], deps)
    except StowageError as error:
        return blank.model_copy(update={"possible": False, "reason": error.problem.cause})
    told = {"to_store_id": store["id"], "reason": "it has most room of those allowed"}
    return blank.model_copy(update=told)


def _leaving(one: Held, ref: Record) -> Held:
    """As if its store were being emptied already."""
    if one.ref_id != ref["id"]:
        return one
    return Held(one.ref_id, one.store_id, one.state, one.scope, one.readable, leaving=True)
