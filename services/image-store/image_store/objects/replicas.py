"""What happens to a replica: asked for, ready, failed, damaged, destroyed."""

from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem
from stowage_contracts.messages.image_store import (
    CopyRequested,
    ReplicaDamaged,
    ReplicaFailed,
    ReplicaReady,
)
from stowage_contracts.values import HopMethod, ReplicaState, StoreRole, Verdict, new_id
from stowage_runtime.handling.tx import Tx

from image_store.installing.stirring import stir
from image_store.intents.cleaning import intend_delete, intend_delete_bytes, intend_revoke
from image_store.intents.noting import note
from image_store.model.states import ReplicaEvent
from image_store.objects.rows import forget_if_gone, mind
from image_store.store import lock_ref, move, need, object_of, object_row
from image_store.views import say_changed

UNPROVEN = "unavailable.commit"
"""data-motion's word for a commit that nobody answered, and that may have happened."""


async def add_grant(tx: Tx, **what: Any) -> str:
    """A new grant's id; it holds no secret until redeemed. Named columns of ``grants``."""
    grant_id = new_id()
    await tx.run("add_grant", {"id": grant_id, "writes": False, "purpose": "copy", **what})
    return grant_id


async def ask(tx: Tx, ref: Record, request: CopyRequested) -> None:
    """Ask for a replica's bytes, and again until the copy's end is heard."""
    if not request.present:
        await tx.run("asked", request.copy_id, ref["id"], request.model_dump(mode="json"))
    await tx.say(request)


async def ready(tx: Tx, ref: Record, verdict: Verdict | None) -> None:
    """The bytes are there, verified and judged; nobody wants those of a deleted object."""
    await move(tx, ref, ReplicaEvent.OPERATION_SUCCEEDED, "ref_ready", _read_whole(ref))
    if ref["reserved"]:  # what was there before is counted already
        await tx.run("store_filled", ref["store_id"], ref["size"])
    row = await object_row(tx, ref)
    if row["removed"]:
        await let_go(tx, await need(tx, "ref", ref["id"]))
    else:
        await _tell_ready(tx, ref, row, verdict)
    await stir(tx, ref)
    if ref["moves_from"]:
        await _moved(tx, ref)
    await say_changed(tx, object_of(ref))


def _read_whole(ref: Record) -> bool:
    """Whether an agent has read what it wrote; a clone was made without reading it."""
    return not ref["install"] or ref["install"]["method"] == HopMethod.COPY


async def _moved(tx: Tx, ref: Record) -> None:
    """A volume is where it was to be: where it was it goes."""
    await tx.run("ref_moves", ref["id"], None)
    source = await tx.row("ref", ref["moves_from"])
    if source is not None and source["state"] == ReplicaState.READY:
        await tx.run("unwant_store", source["store_id"], source["noun"], source["object_id"])
        await destroy(tx, source)


async def _tell_ready(tx: Tx, ref: Record, row: Record, verdict: Verdict | None) -> None:
    if ref["role"] == StoreRole.IMAGE:
        await _learn(tx, ref, row, verdict)
        await note(tx, await need(tx, "ref", ref["id"]))
        await mind(tx, object_of(ref))
    await tx.say(
        ReplicaReady(
            object=object_of(ref),
            store_id=ref["store_id"],
            size=ref["size"],
            digest=ref["digest"],
            copy_id=ref["copy_id"],
        )
    )


async def _learn(tx: Tx, ref: Record, row: Record, verdict: Verdict | None) -> None:
    """An image-store replica is where an object's own size and digest come from."""
    virtual = verdict.virtual_size if verdict else row["virtual_size"]
    await tx.run("object_known", row["noun"], row["id"], ref["size"], virtual, ref["digest"])


async def destroy(tx: Tx, ref: Record) -> None:
    """Delete a replica; its row goes when the store, or the pool's agent, has confirmed."""
    await move(tx, ref, ReplicaEvent.DESTROY_REQUESTED)
    if ref["role"] == StoreRole.IMAGE:
        await intend_delete(tx, ref)
    else:
        pool = await need(tx, "store", ref["store_id"])
        what = (new_id(), ref["id"], pool["id"], pool["scope_id"], ref["install_path"])
        await tx.run("add_removal", *what)


async def let_go(tx: Tx, ref: Record) -> None:
    """Delete a replica that nobody wants; one on which volumes stand is hidden until they go."""
    if await tx.value("stands_on", ref["id"]):
        await move(tx, ref, ReplicaEvent.HIDE_REQUESTED)
    else:
        await destroy(tx, ref)


async def release_bases(tx: Tx) -> None:
    """Delete hidden replicas whose last volume has gone."""
    for row in await tx.rows("hidden_refs"):
        ref = await lock_ref(tx, row["id"])
        if ref is not None and not await tx.value("stands_on", ref["id"]):
            await destroy(tx, ref)
            await say_changed(tx, object_of(ref))


async def damaged(tx: Tx, ref: Record, problem: Problem) -> None:
    """A Ready replica is missing or not what it was: it is no replica until it is mended."""
    await move(tx, ref, ReplicaEvent.DAMAGED)
    await tx.run("ref_failed", ref["id"], problem.model_dump(mode="json"))
    what = object_of(ref)
    await mind(tx, what)
    await tx.say(ReplicaDamaged(object=what, store_id=ref["store_id"], error=problem))
    await say_changed(tx, what)


async def fail_replica(tx: Tx, ref: Record, problem: Problem) -> None:
    """Give up a replica that was being made; its write is revoked, its reservation freed.

    A replica on an image store is kept as Failed with its error, as CloudStack does; anything on
    a primary pool, of a deleted object, or of a volume that was to move vanishes, from a pool only
    when its agent says so if its commit was never answered.
    """
    if ref["state"] not in {ReplicaState.ALLOCATED, ReplicaState.CREATING}:
        return
    await _revoke_writes(tx, ref)
    await tx.run("answered", ref["id"])
    await tx.run("drop_inspections_of", ref["id"])
    await stir(tx, ref, problem)
    row, what = await object_row(tx, ref), object_of(ref)
    waiting = [wait["copy_id"] for wait in await tx.rows("waits_of", ref["id"])]
    if ref["role"] == StoreRole.IMAGE and not row["removed"] and not ref["moves_from"]:
        await _keep_failed(tx, ref, row, problem.model_dump(mode="json"))
    elif problem.code == UNPROVEN and ref["role"] == StoreRole.PRIMARY:
        await _withdraw(tx, ref, problem)
    else:
        await tx.run("drop_ref", ref["id"])
    for copy_id in dict.fromkeys((ref["copy_id"], *waiting)):
        await tx.say(
            ReplicaFailed(object=what, store_id=ref["store_id"], copy_id=copy_id, error=problem)
        )
    await forget_if_gone(tx, what)


async def _withdraw(tx: Tx, ref: Record, problem: Problem) -> None:
    """The pool's agent may have committed it unheard: once it is back it deletes what bears the
    name, and until then nothing else gets that name."""
    await move(tx, ref, ReplicaEvent.OPERATION_FAILED)
    await tx.run("ref_failed", ref["id"], problem.model_dump(mode="json"))
    await destroy(tx, await need(tx, "ref", ref["id"]))


async def _keep_failed(tx: Tx, ref: Record, row: Record, error: dict[str, object]) -> None:
    await move(tx, ref, ReplicaEvent.OPERATION_FAILED)
    again = await need(tx, "ref", ref["id"])
    if again["state"] == ReplicaState.ALLOCATED:
        await move(tx, again, ReplicaEvent.OPERATION_FAILED)
    await tx.run("ref_failed", ref["id"], error)
    await tx.run("object_failed", row["noun"], row["id"], error)


async def _revoke_writes(tx: Tx, ref: Record) -> None:
    if ref["role"] == StoreRole.IMAGE and await tx.value("wrote_whole", ref["id"]):
        await intend_delete_bytes(tx, ref)
    grant = await tx.row("write_grant_of", ref["id"])
    if grant is None or not await tx.run("grant_state", grant["id"], "revoked"):
        return
    if grant["writer"] and ref["role"] == StoreRole.IMAGE:
        await intend_revoke(tx, ref, grant)
