"""Copies that are asked for and withdrawn."""

from collections.abc import Mapping

from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import CopyRequested
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import model, store
from data_motion.deps import Deps
from data_motion.model.turn import Step
from data_motion.planning import decided
from data_motion.records import Job
from data_motion.scheduler import schedule


async def on_copy_requested(message: CopyRequested, tx: Tx, deps: Deps) -> None:
    """Join the live transfer of the same bytes, or plan a new one; known, tell its end again."""
    known = await store.lock_asked(tx, message.copy_id)
    if known is not None:
        step = model.asked_again(known, message.copy_id, tx.now, deps.rules)
        await store.save(tx, known, step)
        return
    job = model.begin(message, tx.now)
    if await store.insert(tx, job.copy):
        await store.save(tx, Job(job.copy, ()), await _planned(job, tx, deps))
    else:
        twin = await store.lock_twin(tx, message)
        if twin is None:
            raise Unavailable("a copy of the same bytes ended just now", code="ending")
        await store.save(tx, twin, model.join(twin, message, tx.now, deps.rules))
    await _cancel_withdrawn(message.copy_id, tx, deps)
    await schedule(tx, deps)


async def on_cancel_copy(message: CancelCopy, tx: Tx, deps: Deps) -> None:
    """Detach an asker; a cancel that overtook its request is kept for it."""
    job = await store.lock_asked(tx, message.copy_id)
    if job is None:
        await tx.run("withdraw", message.copy_id, message.reason)
        return
    await store.save(tx, job, model.cancel(job, message, tx.now, deps.rules))
    await schedule(tx, deps)


async def _planned(job: Job, tx: Tx, deps: Deps) -> Step:
    if job.copy.request.present:
        return model.already_there(job, tx.now, deps.rules)
    decision = await decided(job.copy.request, tx, deps)
    return model.plan(job, decision, tx.now, deps.rules)


async def _cancel_withdrawn(copy_id: str, tx: Tx, deps: Deps) -> None:
    reason = await store.withdrawn(tx, copy_id)
    job = await store.lock_asked(tx, copy_id) if reason is not None else None
    if job is not None:
        message = CancelCopy(copy_id=copy_id, reason=reason)
        await store.save(tx, job, model.cancel(job, message, tx.now, deps.rules))


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    CopyRequested: on_copy_requested,
    CancelCopy: on_cancel_copy,
}
