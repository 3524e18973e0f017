"""What each message does; every handler changes jobs through the pure rules only."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheChanged,
    CacheDraining,
    CacheRemoved,
)
from stowage_contracts.messages.data_motion import CancelCopy, HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    Heartbeat,
    HopFinished,
    HopProgressed,
    HostJoined,
    ListHops,
)
from stowage_contracts.messages.image_store import (
    CopyRequested,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRemoved,
)
from stowage_contracts.plugins.data_motion_strategy import MotionAsk
from stowage_contracts.topology import agent_address
from stowage_contracts.values import StoreRole
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import model, store
from data_motion.deps import Deps
from data_motion.model import finishing, leases
from data_motion.model.limits import Rules
from data_motion.model.plan import decide
from data_motion.model.turn import Step
from data_motion.records import AgentRecord, Job, StoreRecord
from data_motion.scheduler import schedule, stirs

Rule = Callable[[Job, Any, datetime, Rules], Step]


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


async def on_host_joined(message: HostJoined, tx: Tx, deps: Deps) -> None:
    """Know the agent; give it back what it moved before it restarted, and name what to keep."""
    await store.put(
        tx,
        AgentRecord(
            host_id=message.host_id,
            location=message.location,
            abilities=message.abilities,
            boot_id=message.boot_id,
            seen=tx.now,
        ),
    )
    for row in await tx.rows("copies_of_host", message.host_id):
        job = await store.lock(tx, row["copy_id"])
        if job is not None and job.live:
            step = leases.rejoined(job, message.host_id, message.boot_id, tx.now, deps.rules)
            await store.save(tx, job, step)
    live = tuple(row["id"] for row in await tx.rows("hops_to_keep", message.host_id))
    await tx.say(ListHops(host_id=message.host_id, live=live), to=agent_address(message.host_id))
    await tx.run("unblock")
    await schedule(tx, deps)


async def on_heartbeat(message: Heartbeat, tx: Tx, deps: Deps) -> None:
    """The agent lives."""
    await tx.run("agent_seen", message.host_id)


async def on_store_told(message: Message, tx: Tx, deps: Deps) -> None:
    """A store or cache as its owner sees it: its state, and whether copies may stage there."""
    view: StoreView = message.state  # type: ignore[attr-defined]
    sequence = tx.cause.sequence if tx.cause else 0
    await store.put(tx, StoreRecord(id=view.id, view=view, sequence=sequence))


async def on_store_removed(message: Message, tx: Tx, deps: Deps) -> None:
    """Copies from or to a store that is gone cannot end well."""
    await on_store_told(message, tx, deps)
    view: StoreView = message.state  # type: ignore[attr-defined]
    problem = Unavailable(
        f"store {view.name} was removed while the copy used it",
        resource=f"store/{view.id}",
        code="store_removed",
        hint="copy to or from another store",
    ).problem
    for row in await tx.rows("copies_on_store", view.id):
        job = await store.lock(tx, row["id"])
        if job is not None:
            await store.save(tx, job, model.give_up(job, problem, tx.now, deps.rules))
    await schedule(tx, deps)


async def _planned(job: Job, tx: Tx, deps: Deps) -> Step:
    if job.copy.request.present:
        return model.already_there(job, tx.now, deps.rules)
    decision = decide(await _ask(job.copy.request, tx, deps), deps.strategies)
    return model.plan(job, decision, tx.now, deps.rules)


async def _ask(request: CopyRequested, tx: Tx, deps: Deps) -> MotionAsk:
    """Agents that may come back in time count: a restart is no reason to refuse a copy."""
    fleet = await store.fleet(tx)
    patience = timedelta(seconds=deps.rules.limits.host_return_seconds)
    known = (agent for agent in fleet.agents if tx.now - agent.seen < patience)
    views = (record.view for record in fleet.stores.values())
    caches = (view for view in views if view.role is StoreRole.IMAGE_CACHE)
    return MotionAsk(request=request, agents=tuple(map(fleet.view, known)), caches=tuple(caches))


async def _cancel_withdrawn(copy_id: str, tx: Tx, deps: Deps) -> None:
    reason = await tx.value("withdrawal", copy_id)
    job = await store.lock_asked(tx, copy_id) if reason is not None else None
    if job is not None:
        message = CancelCopy(copy_id=copy_id, reason=reason)
        await store.save(tx, job, model.cancel(job, message, tx.now, deps.rules))


async def _apply(rule: Rule, copy_id: str, message: Message, tx: Tx, deps: Deps) -> None:
    job = await store.lock(tx, copy_id)
    if job is None:
        return
    after = await store.save(tx, job, rule(job, message, tx.now, deps.rules))
    if stirs(job, after):
        await schedule(tx, deps)


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    CopyRequested: on_copy_requested,
    CancelCopy: on_cancel_copy,
    HopFinished: on_hop_finished,
    HopCommitted: on_hop_committed,
    HopCommitFailed: on_hop_commit_failed,
    HostJoined: on_host_joined,
    StoreAdded: on_store_told,
    StoreChanged: on_store_told,
    StoreDegraded: on_store_told,
    StoreRemoved: on_store_removed,
    CacheAdded: on_store_told,
    CacheChanged: on_store_told,
    CacheDraining: on_store_told,
    CacheRemoved: on_store_removed,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {
    HopProgressed: on_hop_progressed,
    Heartbeat: on_heartbeat,
}
