"""What is done outside a transaction: asking the caches for space."""

from dataclasses import dataclass

from stowage_contracts.errors import Conflict, StowageError
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved, ReserveCache
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.topology import address
from stowage_contracts.values import Location, ServiceName
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle, nothing

from data_motion import model, store
from data_motion.deps import Deps
from data_motion.intent_payloads import RESERVE_CACHE, ReserveFor
from data_motion.model import staging
from data_motion.model.reach import lacks_to_write
from data_motion.model.turn import Step
from data_motion.planning import past_caches
from data_motion.records import Job
from data_motion.scheduler import schedule
from data_motion.strategies.ends import prefetched


async def reserve_cache(payload: ReserveFor, desk: Desk, deps: Deps) -> Settle:
    """Ask for space, or a ready entry, around the host that will read it."""
    async with desk.transaction() as tx:
        question = await _question(payload, tx, deps)
    if question is None:
        return nothing
    reply = await desk.ask(question, to=address(ServiceName.CACHE_AUTOSCALER))
    if not isinstance(reply, CacheReserved):
        raise Conflict(f"{type(reply).__name__} answers no ReserveCache", code="cache_answer")
    return _Reserved(payload, reply, deps)


async def reserve_given_up(payload: ReserveFor, error: StowageError, tx: Tx, deps: Deps) -> None:
    """No answer in time, or a refusal."""
    job = await store.lock(tx, payload.copy_id)
    if job is not None and job.copy.awaits_cache:
        await store.save(tx, job, model.give_up(job, error.problem, tx.now, deps.rules))


@dataclass(frozen=True)
class _Reserved:
    payload: ReserveFor
    reply: CacheReserved
    deps: Deps

    async def __call__(self, tx: Tx) -> None:
        job = await store.lock(tx, self.payload.copy_id)
        if job is not None:
            await store.save(tx, job, await self._step(job, tx))
            await schedule(tx, self.deps)

    async def _step(self, job: Job, tx: Tx) -> Step:
        rules = self.deps.rules
        if self.reply.answer is CacheAnswer.NONE and staging.awaits(job):
            other = await past_caches(job, tx, self.deps)
            if other is not None:
                return staging.past(job, other, tx.now, rules)
        return staging.reserved(job, self.reply, tx.now, rules)


async def _question(payload: ReserveFor, tx: Tx, deps: Deps) -> ReserveCache | None:
    job = await store.lock(tx, payload.copy_id)
    if job is None or not staging.awaits(job):
        return None
    request, prefetches = job.copy.request, prefetched(job.copy.request)
    reader = None if prefetches else await _reader(job, tx)
    if request.size is None or request.digest is None or not (reader or prefetches):
        raise Conflict("size, digest and the reading host must be known", code="cache_question")
    return ReserveCache(
        copy_id=job.copy.id,
        object=request.source.object,
        digest=request.digest,
        size=request.size,
        format=request.source.format,
        location=reader.location if reader else request.location,
        schemes=reader.abilities.reads if reader else (),
        hold_seconds=request.hold_seconds,
        avoid=job.copy.avoids,
    )


async def _reader(job: Job, tx: Tx) -> AgentView | None:
    """The agent that will read the cache: the host the plan names, else one near the asker."""
    fleet, host = await store.fleet(tx), job.copy.plan.hops[-1].must_run_on
    views = [fleet.view(agent) for agent in fleet.agents]
    able = [a for a in views if not lacks_to_write(a, job.copy.request.destination)]
    if host is not None:
        able = [agent for agent in able if agent.host_id == host]
    return min(able, key=lambda a: (_far(a, job.copy.request.location), a.host_id), default=None)


def _far(agent: AgentView, near: Location) -> int:
    return sum(
        getattr(near, part) not in (None, getattr(agent.location, part))
        for part in Location.model_fields
    )


INTENTS = (IntentKind(RESERVE_CACHE, ReserveFor, reserve_cache, reserve_given_up, parallel=8),)
