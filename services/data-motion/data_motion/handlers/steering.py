"""Orders of people to copies under way and to hosts; an order that can't be followed says why."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from stowage_contracts.errors import NotFound
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    DrainHost,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.messages.hypervisor_agent import HopYielded
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import store
from data_motion.deps import Deps
from data_motion.draining import tell_drains
from data_motion.model import rerouting, steering
from data_motion.model.limits import Rules
from data_motion.model.turn import Step
from data_motion.records import Job
from data_motion.room import make_room
from data_motion.scheduler import schedule

Rule = Callable[[Job, Any, datetime, Rules], Step]


async def on_pause_copy(message: PauseCopy, tx: Tx, deps: Deps) -> None:
    """Its slots are free once its agent has stopped."""
    await _steer(steering.pause, message, tx, deps)


async def on_resume_copy(message: ResumeCopy, tx: Tx, deps: Deps) -> None:
    """It waits for slots like any other."""
    await _steer(steering.resume, message, tx, deps)


async def on_change_copy(message: ChangeCopy, tx: Tx, deps: Deps) -> None:
    """Another priority may make room for it, or make it room for others."""
    await _steer(steering.change, message, tx, deps)
    if message.priority is not None:
        await make_room(tx, deps)


async def on_reroute_copy(message: RerouteCopy, tx: Tx, deps: Deps) -> None:
    """Only to a host that can carry it and lives."""
    job = await _asked(message.copy_id, tx)
    why = rerouting.hindrance(job, message.host_id, await store.fleet(tx), deps.rules.limits)
    if why:
        step = steering.refused(job, "rerouted", why, tx.now, deps.rules)
    else:
        step = steering.reroute(job, message, tx.now, deps.rules)
    await store.save(tx, job, step)
    await schedule(tx, deps)


async def on_hop_yielded(message: HopYielded, tx: Tx, deps: Deps) -> None:
    """Its slots go to whoever they were wanted for."""
    job = await store.lock(tx, message.copy_id)
    if job is not None:
        await store.save(tx, job, steering.yielded(job, message, tx.now, deps.rules))
        await schedule(tx, deps)


async def on_drain_host(message: DrainHost, tx: Tx, deps: Deps) -> None:
    """Nothing new for its agent, and what moves there is handed over; or that ends. The newest
    order holds, whichever comes last."""
    why = (message.reason or "drained by request") if message.drains else ""
    said = tx.cause.sequence if tx.cause else 0
    if await tx.value("drain_agent", message.host_id, why, said) is None:
        return
    for row in await tx.rows("copies_of_host", message.host_id) if why else ():
        job = await store.lock(tx, row["copy_id"])
        if job is not None and job.live:
            step = steering.drained(job, message.host_id, why, tx.now, deps.rules)
            await store.save(tx, job, step)
    await tell_drains(tx, ended=() if why else (message.host_id,))
    await tx.run("unblock")
    await schedule(tx, deps)


async def _steer(rule: Rule, message: Any, tx: Tx, deps: Deps) -> None:
    job = await _asked(message.copy_id, tx)
    await store.save(tx, job, rule(job, message, tx.now, deps.rules))
    await schedule(tx, deps)


async def _asked(copy_id: str, tx: Tx) -> Job:
    """Raises NotFound for an order that overtook the request: it is delivered again, at first
    after a second (what is Unavailable would come back much later, and for ever)."""
    job = await store.lock_asked(tx, copy_id)
    if job is None:
        raise NotFound("the copy is not known yet", code="unknown_copy", resource=f"copy/{copy_id}")
    return job


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    PauseCopy: on_pause_copy,
    ResumeCopy: on_resume_copy,
    ChangeCopy: on_change_copy,
    RerouteCopy: on_reroute_copy,
    HopYielded: on_hop_yielded,
    DrainHost: on_drain_host,
}
