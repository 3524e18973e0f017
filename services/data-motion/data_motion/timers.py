"""What happens by itself: deadlines, slots, and forgetting."""

from datetime import timedelta

from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from data_motion import store
from data_motion.deps import Deps
from data_motion.draining import tell_drains
from data_motion.model import staging, sweeping
from data_motion.model.turn import Step
from data_motion.planning import past_caches
from data_motion.records import Job
from data_motion.room import make_room
from data_motion.scheduler import schedule

SWEPT_AT_ONCE = 200


async def sweep(tx: Tx, deps: Deps) -> None:
    """End what is overdue, unless it was data-motion itself that heard nothing."""
    row = await tx.row("beat")
    beat, heard = row or (None, None)
    if sweeping.was_away(beat, heard, tx.now, deps.rules.limits):
        await _extend(tx, deps)
    for row in await tx.rows("overdue", SWEPT_AT_ONCE):
        job = await store.lock(tx, row["id"], wait=False)
        if job is not None:
            await store.save(tx, job, await _swept(job, tx, deps))
    await _leave_caches(tx, deps)
    await schedule(tx, deps)
    await make_room(tx, deps)
    await tell_drains(tx)


async def _leave_caches(tx: Tx, deps: Deps) -> None:
    """Where a cache is degraded and no byte comes, its agent need not notice first."""
    for row in await tx.rows("stuck_on_caches", deps.rules.limits.cache_quiet_seconds):
        job = await store.lock(tx, row["copy_id"], wait=False)
        if job is not None:
            why = f"cache store {row['name']} is Degraded, and no byte comes"
            cache = staging.Lost(row["store_id"], why, at_once=True)
            await store.save(tx, job, staging.lost(job, cache, tx.now, deps.rules))


async def _swept(job: Job, tx: Tx, deps: Deps) -> Step:
    """Who waited for a cache in vain goes past it, where that can be by now."""
    if sweeping.in_vain(job, tx.now):
        other = await past_caches(job, tx, deps)
        if other is not None:
            return staging.past(job, other, tx.now, deps.rules)
    return sweeping.sweep(job, tx.now, deps.rules)


async def forget(tx: Tx, deps: Deps) -> None:
    """Drop what ended long ago."""
    await tx.run("forget_copies", timedelta(days=deps.keep_days))
    await tx.run("forget_withdrawn")
    await tx.run("forget_stores")


async def _extend(tx: Tx, deps: Deps) -> None:
    for row in await tx.rows("leased"):
        job = await store.lock(tx, row["id"], wait=False)
        if job is not None:
            await store.save(tx, job, sweeping.extend(job, tx.now, deps.rules))


TIMERS = (Timer("sweep", 1.0, sweep), Timer("forget", 3600.0, forget))
