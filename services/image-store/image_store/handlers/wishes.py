"""What is wished for an object, changed: names, copies, zones, single replicas."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, StowageError
from stowage_contracts.messages.image_store import (
    ChangeObject,
    CopyToZone,
    DeleteReplica,
    VerifyReplica,
)
from stowage_contracts.values import ObjectKind, ReplicaState, StoreRole
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.intents.noting import note_all
from image_store.judging.inspection import verify
from image_store.keeping.keeper import desired_of, held_of
from image_store.model.desired import decide
from image_store.objects.replicas import destroy
from image_store.objects.rows import mind
from image_store.views import say_changed, tell_trouble

_VERIFIABLE = frozenset({ReplicaState.READY, ReplicaState.FAILED})
Wish = ChangeObject | CopyToZone | DeleteReplica | VerifyReplica


async def on_change_object(message: ChangeObject, tx: Tx, deps: Deps) -> None:
    """Take the new wish; the keeper carries it out."""
    row = await _object(message, tx)
    if row is None:
        return
    low = message.min_copies or row["min_copies"]
    high = row["max_copies"] if message.max_copies is None else message.max_copies
    if high is not None and 0 <= high < low:
        error = InvalidInput(f"at most {high} copies and at least {low} can't be", code="copies")
        await _refuse(message, error, tx)
        return
    change = (message.name, message.tags, message.min_copies, message.max_copies)
    await tx.run("change_object", row["noun"], row["id"], *change)
    await note_all(tx, message.object)
    await mind(tx, message.object)
    await say_changed(tx, message.object)


async def on_copy_to_zone(message: CopyToZone, tx: Tx, deps: Deps) -> None:
    """Wish for it in one more zone; a region-wide object is there by itself."""
    row = await _object(message, tx)
    if row is None:
        return
    if await tx.row("zone", message.zone_id) is None:
        error = NotFound("no such zone", resource=f"zone/{message.zone_id}")
        await _refuse(message, error, tx)
        return
    await tx.run("add_object_zone", row["noun"], row["id"], message.zone_id)
    await note_all(tx, message.object)
    await mind(tx, message.object)
    await say_changed(tx, message.object)


async def on_delete_replica(message: DeleteReplica, tx: Tx, deps: Deps) -> None:
    """Refused when it is the last good one, or would have to be made again at once."""
    row = await _object(message, tx)
    if row is None:
        return
    ref = await tx.row("ref_on", row["noun"], row["id"], message.store_id)
    try:
        await _check_needless(message, row, ref, tx)
    except StowageError as error:
        await _refuse(message, error, tx)
        return
    assert ref is not None
    await tx.run("unwant_store", message.store_id, row["noun"], row["id"])
    await destroy(tx, ref)
    await say_changed(tx, message.object)


async def _check_needless(message: DeleteReplica, row: Record, ref: Record | None, tx: Tx) -> None:
    where = f"store/{message.store_id}"
    if ref is not None and ref["role"] == StoreRole.PRIMARY:
        await _check_unused(ref, where, tx)
        return
    if ref is None or ref["role"] != StoreRole.IMAGE or ref["state"] not in _VERIFIABLE:
        raise NotFound("no finished replica is on that store", resource=where)
    others = [one for one in await held_of(tx, row) if one.ref_id != ref["id"]]
    if ref["state"] == ReplicaState.READY and not any(one.good for one in others):
        raise Conflict("it is the last good replica", resource=where, code="last_replica")
    desired = await desired_of(tx, row, without=(message.store_id,))
    if decide(desired, others).make:
        raise Conflict(
            "a zone or the minimum of copies needs it",
            resource=where,
            code="needed",
            hint="make another replica first, or lower min_copies",
        )


async def _check_unused(ref: Record, where: str, tx: Tx) -> None:
    """A pool's copy of a template is let go unless a volume stands on it."""
    if ref["noun"] != ObjectKind.TEMPLATE or ref["state"] != ReplicaState.READY:
        raise NotFound("no finished copy of a template is on that pool", resource=where)
    if await tx.value("stands_on", ref["id"]):
        raise Conflict(
            "volumes of that pool stand on it",
            resource=where,
            code="in_use",
            hint="delete the volumes first; it goes with the last one when the template is deleted",
        )


async def on_verify_replica(message: VerifyReplica, tx: Tx, deps: Deps) -> None:
    """Read it again, whole; one that was given up may come back by it."""
    row = await _object(message, tx)
    if row is None:
        return
    ref = await tx.row("ref_on", row["noun"], row["id"], message.store_id)
    able = ref is not None and ref["state"] in _VERIFIABLE and ref["role"] == StoreRole.IMAGE
    if not able or ref is None or ref["digest"] is None:
        error = NotFound(
            "no finished replica is on that store", resource=f"store/{message.store_id}"
        )
        await _refuse(message, error, tx)
        return
    await verify(tx, ref)


async def _object(message: Wish, tx: Tx) -> Record | None:
    """The object, locked; None when it is gone or going."""
    row = await tx.row("object", message.object.noun, message.object.id)
    return row if row is not None and not row["removed"] else None


async def _refuse(message: Wish, error: StowageError, tx: Tx) -> None:
    await tell_trouble(tx, message.object, error)
