"""What agents and the owners of destinations report of hops."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import HopFinished, HopProgressed
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import store
from data_motion.deps import Deps
from data_motion.model import finishing, leases
from data_motion.model.limits import Rules
from data_motion.model.turn import Step
from data_motion.records import Job
from data_motion.scheduler import schedule, stirs

Rule = Callable[[Job, Any, datetime, Rules], Step]


async def on_hop_finished(message: HopFinished, tx: Tx, deps: Deps) -> None:
    """Bytes are durable, or the hop failed."""
    await _apply(finishing.finished, message.copy_id, message, tx, deps)


async def on_hop_committed(message: HopCommitted, tx: Tx, deps: Deps) -> None:
    """The destination exists."""
    await _apply(finishing.committed, message.copy_id, message, tx, deps)


async def on_hop_commit_failed(message: HopCommitFailed, tx: Tx, deps: Deps) -> None:
    """The destination was found absent."""
    await _apply(finishing.commit_failed, message.copy_id, message, tx, deps)


async def on_hop_progressed(message: HopProgressed, tx: Tx, deps: Deps) -> None:
    """Figures, and the lease goes on; slots stay as they are."""
    job = await store.lock(tx, message.copy_id)
    if job is not None:
        await store.save(tx, job, leases.progressed(job, message, tx.now, deps.rules))


async def _apply(rule: Rule, copy_id: str, message: Message, tx: Tx, deps: Deps) -> None:
    job = await store.lock(tx, copy_id)
    if job is None:
        return
    after = await store.save(tx, job, rule(job, message, tx.now, deps.rules))
    if stirs(job, after):
        await schedule(tx, deps)


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    HopFinished: on_hop_finished,
    HopCommitted: on_hop_committed,
    HopCommitFailed: on_hop_commit_failed,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {HopProgressed: on_hop_progressed}
