"""Makes room for what matters more: the pass after slots were given out."""

from itertools import islice

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from data_motion import store
from data_motion.deps import Deps
from data_motion.model import preempting, steering
from data_motion.model.placing import Fleet, Placer
from data_motion.model.preempting import Running, Waiting

AT_ONCE = 32
"""Hops for which one pass makes room."""
VICTIMS = 4
"""Hops tried for one: a report of the first may just be written under its lock, and the next pass
is a second away."""


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
    for victim in islice(preempting.victims(job, waiting, running, (placer, fleet)), VICTIMS):
        if await _yields(victim, waiting, at):
            await store.save(tx, job, steering.promised(job, victim, tx.now, deps.rules))
            return victim.model_copy(update={"yielding": "pre-empted", "yields_to": waiting.id})
    return None


async def _yields(victim: Running, waiting: Waiting, at: tuple[Tx, Deps]) -> bool:
    """Whether it was asked to; not when others hold its lock."""
    tx, deps = at
    loser = await store.lock(tx, victim.copy_id, wait=False)
    hop = loser.hop(victim.id) if loser else None
    if loser is None or hop is None or not preempting.may(hop):
        return False
    await store.save(tx, loser, steering.preempted(loser, hop, waiting, tx.now, deps.rules))
    return True
