"""What agents say of stored bytes: ready, refused, whole, damaged."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, ImageRefused, Problem
from stowage_contracts.messages.hypervisor_agent import ObjectInspected
from stowage_contracts.values import ReplicaState, Verdict
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.judging.inspection import checksum_of, inspected, refused
from image_store.keeping.reserving import check_arrived
from image_store.model.states import ReplicaEvent
from image_store.objects.replicas import damaged, ready
from image_store.objects.rows import mind
from image_store.store import move, need, object_of, object_row
from image_store.views import say_changed


async def on_object_inspected(message: ObjectInspected, tx: Tx, deps: Deps) -> None:
    """Ready, or refused and deleted; an agent that could not read is replaced at once."""
    inspection = await tx.row("inspection", message.inspection_id)
    if inspection is None or inspection["host_id"] != message.host_id:
        return
    ref = await inspected(tx, inspection)
    if inspection["purpose"] == "verify":
        await _verified(message, inspection, ref, tx)
    elif message.verdict is None:
        await _again(message, inspection, tx)
    else:
        await _judged(message, message.verdict, (inspection, ref), tx)


async def _again(message: ObjectInspected, inspection: Record, tx: Tx) -> None:
    error = message.error.model_dump(mode="json") if message.error else None
    await tx.run("inspection_failed", inspection["id"], error)


async def _judged(
    message: ObjectInspected, verdict: Verdict, rows: tuple[Record, Record], tx: Tx
) -> None:
    inspection, ref = rows
    digest = message.digest or ref["digest"]
    if digest is not None:  # a refused image need not be read to its end
        await _keep(tx, digest, ref, verdict)
    problem = await _mismatch(message, inspection, ref, tx)
    problem = problem or await _over(message, inspection, ref, tx)
    if not verdict.accepted:
        problem = _problem(verdict, ref)
    if problem is not None:
        await refused(tx, inspection, ref, problem)
        return
    if inspection["read_all"]:
        await tx.run("ref_known", ref["id"], message.size, digest, ref["reserved"])
    await tx.run("drop_inspection", inspection["id"])
    await ready(tx, await need(tx, "ref", ref["id"]), verdict)


async def _mismatch(
    message: ObjectInspected, inspection: Record, ref: Record, tx: Tx
) -> Problem | None:
    """What was read against what was declared, or is known of the object from its siblings."""
    if not inspection["read_all"]:
        return None
    if inspection["purpose"] == "adopt" and inspection["digest"] != message.digest:
        return _not_it("its bytes are not those of its manifest", ref)
    row, wanted = await object_row(tx, ref), await checksum_of(tx, inspection, ref)
    if row["digest"] not in (None, message.digest):
        return _not_it("its bytes are not those of the object", ref)
    if wanted is not None and wanted not in (message.linear, message.digest):
        told = message.linear or message.digest
        return _not_it(f"{wanted} was declared, {told} came", ref)
    return None


async def _over(
    message: ObjectInspected, inspection: Record, ref: Record, tx: Tx
) -> Problem | None:
    """What is more than was promised to its account; what an operator adopts asks nobody."""
    if inspection["purpose"] == "adopt":
        return None
    try:
        await check_arrived(tx, ref, message.size or 0)
    except Conflict as error:
        return error.problem
    return None


async def _verified(message: ObjectInspected, inspection: Record, ref: Record, tx: Tx) -> None:
    """A finished replica was read again: as it was, damaged, or gone."""
    error = message.error
    if error is not None and not error.code.startswith("not_found"):
        await _again(message, inspection, tx)
        return
    await tx.run("drop_inspection", inspection["id"])
    error = error or _unlike(message, ref)
    if error is None:
        await _whole(ref, tx)
    elif ref["state"] == ReplicaState.READY:
        await damaged(tx, ref, error)


def _unlike(message: ObjectInspected, ref: Record) -> Problem | None:
    """Other bytes than were stored, or bytes that today's gate would not let in."""
    if message.digest != ref["digest"]:
        return _damage(ref)
    if message.verdict is None or message.verdict.accepted:
        return None
    hint = "it was let in by an older gate; delete it, or have the gate's settings allow it"
    return _problem(message.verdict, ref).model_copy(update={"hint": hint})


async def _whole(ref: Record, tx: Tx) -> None:
    if ref["state"] == ReplicaState.FAILED:
        await move(tx, ref, ReplicaEvent.VERIFIED)
        await mind(tx, object_of(ref))
    await tx.run("ref_verified", ref["id"])
    await say_changed(tx, object_of(ref))


def _not_it(why: str, ref: Record) -> Problem:
    return ImageRefused(why, resource=str(object_of(ref)), code="digest").problem


def _damage(ref: Record) -> Problem:
    return Conflict(
        "its bytes are no longer those that were stored",
        resource=f"store/{ref['store_id']}",
        code="damaged",
        hint="it is made anew from a sibling, if there is a good one",
    ).problem


async def _keep(tx: Tx, digest: str, ref: Record, verdict: Verdict) -> None:
    await tx.run(
        "add_verdict", digest, verdict.gate_version, ref["format"], verdict.model_dump(mode="json")
    )


def _problem(verdict: Verdict, ref: Record) -> Problem:
    return ImageRefused(
        verdict.reason,
        code=verdict.code.removeprefix("image."),
        resource=str(object_of(ref)),
        hint="the image was deleted from the store",
    ).problem
