"""Copies to primary storage, and what becomes of a replica when its copy ends."""

from asyncpg import Record
from stowage_contracts.errors import Cancelled, Conflict, Problem, StowageError
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.messages.image_store import ReplicaFailed, RequestCopy
from stowage_contracts.values import (
    CopyEnd,
    ObjectKind,
    ObjectRef,
    ReplicaState,
    StoreRole,
    Verdict,
)
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.handlers.prefetching import read_grant
from image_store.installing.requesting import request
from image_store.judging.inspection import inspect
from image_store.keeping.reserving import check_arrived
from image_store.objects.replicas import fail_replica, ready
from image_store.store import lock_ref


async def on_request_copy(message: RequestCopy, tx: Tx, deps: Deps) -> None:
    """Describe both ends; a second asker of the same destination gets the same ends."""
    try:
        await request(message, tx, deps)
    except StowageError as error:
        wanted = ObjectRef(kind=ObjectKind.TEMPLATE, id=message.template_id)
        await tx.say(
            ReplicaFailed(
                object=wanted,
                store_id=message.store_id,
                copy_id=message.copy_id,
                error=error.problem,
            )
        )


async def _making(end: CopyEnd, tx: Tx) -> Record | None:
    """The replica a copy was making, unless it is settled already or not ours."""
    ref_id = await tx.value("ref_of_write", end.grant.id)
    ref = await lock_ref(tx, ref_id) if ref_id else None
    return ref if ref is not None and ref["state"] == ReplicaState.CREATING else None


async def on_copy_completed(message: CopyCompleted, tx: Tx, deps: Deps) -> None:
    """Ready once the gate has judged the stored bytes; a pool's bytes were judged before."""
    await _prefetched(message, tx)
    ref = await _making(message.destination, tx)
    if ref is None or message.receipt is None:
        return
    receipt = message.receipt
    try:
        await check_arrived(tx, ref, receipt.size)
    except Conflict as error:
        await fail_replica(tx, ref, error.problem)
        return
    await tx.run("answered", ref["id"])
    known = (ref["id"], receipt.size, receipt.digest, ref["reserved"])
    ref = await tx.row("ref_known", *known) or ref
    verdict = receipt.verdict or await _known_verdict(receipt.digest, ref, tx)
    if verdict is not None or ref["role"] != StoreRole.IMAGE:
        await ready(tx, ref, verdict)
    else:
        await inspect(tx, ref)


async def _known_verdict(digest: str, ref: Record, tx: Tx) -> Verdict | None:
    kept = await tx.value("verdict", digest, ref["format"])
    verdict = Verdict.model_validate(kept) if kept else None
    return verdict if verdict and verdict.accepted else None


async def on_copy_failed(message: CopyFailed, tx: Tx, deps: Deps) -> None:
    """The replica fails with the copy's own reason."""
    await _prefetched(message, tx)
    await _unasked(message, message.error, tx)


async def on_copy_cancelled(message: CopyCancelled, tx: Tx, deps: Deps) -> None:
    """Whoever else asked still gets it."""
    if message.last or message.state.id != message.state.leader_id:
        await _prefetched(message, tx)
    await _unasked(message, Cancelled("the copy was cancelled").problem, tx)


async def _prefetched(message: CopyCompleted | CopyFailed | CopyCancelled, tx: Tx) -> None:
    """A prefetch makes no replica: nothing but the grant to read its source ends with it. Who
    left a transfer that others still wait for may be the one by whose grant it reads."""
    if message.destination.role is not StoreRole.IMAGE_CACHE:
        return
    over = not isinstance(message, CopyCancelled) or message.last
    copies = (message.state.id, *([message.state.leader_id] if over else []))
    for copy_id in dict.fromkeys(copies):
        await tx.run("grant_state", read_grant(copy_id), "ended")


async def _unasked(message: CopyFailed | CopyCancelled, problem: Problem, tx: Tx) -> None:
    """The last copy that wanted a replica takes it along; one asked for since keeps it."""
    ref = await _making(message.destination, tx)
    if ref is not None and await tx.value("unasked", ref["id"], message.state.id):
        await fail_replica(tx, ref, problem)
