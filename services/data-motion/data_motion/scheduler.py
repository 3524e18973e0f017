"""Gives free slots to waiting hops; one transaction at a time does so."""

from collections import Counter

from asyncpg import Record
from stowage_contracts.errors import Problem
from stowage_runtime.handling.tx import Tx

from data_motion import store
from data_motion.deps import Deps
from data_motion.feeders import feeding_of, unblock_fed
from data_motion.model import leases, staging
from data_motion.model.leases import Held, Placed
from data_motion.model.limits import Limits
from data_motion.model.placing import SPARED_FROM, Fleet, Placer
from data_motion.model.states import HOLDS_SLOTS, HopState
from data_motion.model.turn import Step
from data_motion.records import HopRecord, Job
from data_motion.room import make_room

BATCH = 32
ROUNDS = 4
"""Bounds one pass; the next tick goes on where it stopped."""


async def schedule(tx: Tx, deps: Deps) -> None:
    """Offer what can be offered, once before the commit, whoever asked for it: by priority, then
    fairly among accounts, then by age."""
    tx.at_last(schedule, lambda: _schedule(tx, deps))


async def _schedule(tx: Tx, deps: Deps) -> None:
    if await tx.value("lock_scheduling") is None:
        return
    blocked = False
    for _ in range(ROUNDS):
        found = await tx.rows("candidates", *_slots(deps.rules.limits), BATCH)
        if found:
            blocked |= await _round(tx, deps, found, await store.fleet(tx))
        if len(found) < BATCH:
            break
    if blocked:
        await make_room(tx, deps)


def stirs(before: Job, after: Job) -> bool:
    """Whether a step freed slots, or made a hop wait for some."""
    return _holding(before) - _holding(after) != set() or any(
        hop.state is HopState.PENDING and hop.retry_at is not None for hop in after.hops
    )


def _holding(job: Job) -> set[str]:
    return {hop.id for hop in job.hops if hop.state in HOLDS_SLOTS}


def _slots(limits: Limits) -> tuple[int, int, int, int]:
    return limits.store_slots, limits.zone_slots, limits.account_slots, SPARED_FROM


async def _round(tx: Tx, deps: Deps, found: list[Record], fleet: Fleet) -> bool:
    """Whether a hop found no slot."""
    blocked = False
    left, busy = list(found), Counter({row["account_id"]: row["busy"] for row in found})
    while left:
        best = min(left, key=lambda r: (-r["priority"], busy[r["account_id"]], r["created"]))
        left.remove(best)
        if not _still_blocked(best, fleet, deps.rules.limits):
            outcome = await _place(tx, deps, best, fleet)
            busy[best["account_id"]] += isinstance(outcome, Placed)
            blocked |= isinstance(outcome, Held) and bool(outcome.blocked_on)
    return blocked


def _still_blocked(found: Record, fleet: Fleet, limits: Limits) -> bool:
    """Whether those before it took every slot it waited for; spares loading the whole job."""
    blocked, priority = found["blocked_on"], found["priority"]
    return bool(blocked) and all(fleet.full(slot, limits, priority) for slot in blocked)


async def _place(tx: Tx, deps: Deps, found: Record, fleet: Fleet) -> Placed | Held | Problem | None:
    job = await store.load(tx, found["copy_id"])
    hop = job.hop(found["id"]) if job else None
    if job is None or hop is None or not _offerable(hop, tx):
        return None
    limits, size = deps.rules.limits, job.copy.request.size or 0
    feeding = await feeding_of(tx, job.copy, hop, limits)
    outcome = Placer(deps.selector, limits).place(feeding.hint(hop), job.copy, fleet)
    if isinstance(outcome, Placed):
        at = fleet.location(outcome.host_id)
        hop = feeding.feed(hop, at, size, limits.fanout_children)
        fleet.take(outcome.slots)
        await unblock_fed(tx, job.copy, hop)
    await store.save(tx, job, _step(tx, deps, job, hop, outcome))
    return outcome


def _step(tx: Tx, deps: Deps, job: Job, hop: HopRecord, outcome: Placed | Held | Problem) -> Step:
    if isinstance(outcome, Placed):
        return leases.offer(job, hop, outcome, tx.now, deps.rules)
    if isinstance(outcome, Held) and outcome.strayed:
        return staging.strayed(job, outcome.reason, tx.now, deps.rules)
    if isinstance(outcome, Held):
        return leases.wait(job, hop, outcome, tx.now, deps.rules)
    return leases.hopeless(job, outcome, tx.now, deps.rules)


def _offerable(hop: HopRecord, tx: Tx) -> bool:
    """The row may have changed between being found and being locked."""
    return hop.state is HopState.PENDING and hop.retry_at is not None and hop.retry_at <= tx.now
