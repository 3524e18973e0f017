"""Makes room for what matters more: the pass after slots were given out."""

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from data_motion import store
from data_motion.deps import Deps
from data_motion.model import preempting, steering
from data_motion.model.placing import Fleet, Placer
from data_motion.model.preempting import Running, Waiting

AT_ONCE = 32
"""Hops for which one pass makes room."""


async def make_room(tx: Tx, deps: Deps) -> None:
    """Have one hop of lower priority yield for each that waits for its slot."""
    found = await tx.rows("outranking", AT_ONCE)
    if not found:
        return
    fleet = await store.fleet(tx)
    running = [Running.model_validate(dict(row)) for row in await tx.rows("holding")]
    for row in found:
        made = await _for_one(row, running, fleet, (tx, deps))
        if made is not None:
            running = [made if one.id == made.id else one for one in running]


async def _for_one(
    row: Record, running: list[Running], fleet: Fleet, at: tuple[Tx, Deps]
) -> Running | None:
    """The hop that yields, if one does; what others have locked waits for the next pass."""
    tx, deps = at
    job = await store.lock(tx, row["copy_id"], wait=False)
    if job is None:
        return None
    waiting = Waiting(row["id"], row["copy_id"], row["priority"])
    placer = Placer(deps.selector, deps.rules.limits)
    victim = preempting.victim(job, waiting, running, (placer, fleet))
    loser = await store.lock(tx, victim.copy_id, wait=False) if victim else None
    hop = loser.hop(victim.id) if victim and loser else None
    if victim is None or loser is None or hop is None or not preempting.may(hop):
        return None
    await store.save(tx, loser, steering.preempted(loser, hop, waiting, tx.now, deps.rules))
    await store.save(tx, job, steering.promised(job, victim, tx.now, deps.rules))
    return victim.model_copy(update={"yielding": "pre-empted", "yields_to": waiting.id})
