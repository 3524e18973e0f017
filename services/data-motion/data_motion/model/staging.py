"""The rules of copies that go through a cache: where it is, and what if it is lost on the way.

The hop that reads the cache keeps its epoch, its journal and what it has written: it reads the same
bytes from another cache, which a new hop fills first where they are not there yet.
"""

from dataclasses import dataclass
from datetime import datetime

from stowage_contracts.errors import Conflict, NoStrategy, Problem
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved
from stowage_contracts.values import CopyEnd

from data_motion.model import endings, words
from data_motion.model.limits import Rules
from data_motion.model.plan import Decision
from data_motion.model.stages import add_hops, newest_epoch, reader_of, restage
from data_motion.model.states import LEASED, CopyState, HopState, ended
from data_motion.model.turn import Step, Turn
from data_motion.model.waiting import ask_caches, hold, ready
from data_motion.records import HopRecord, Job


def reserved(job: Job, reply: CacheReserved, now: datetime, rules: Rules) -> Step:
    """What the caches answered; raises Conflict if the answer lacks an end it promises."""
    turn = Turn(job, now, rules)
    if not awaits(job):
        _give_back(turn, reply)
    elif reply.answer is CacheAnswer.READY:
        turn.change(awaits_cache=False, deadline=None)
        _read(turn, reply)
    elif reply.answer is CacheAnswer.FILL:
        turn.change(awaits_cache=False, deadline=None)
        _fill(turn, reply)
    elif reply.answer is CacheAnswer.WAIT or job.hops:
        # What was staged once finds a place again: caches are mended, and transport VMs started.
        hold(turn, f"space on a cache store: {reply.reason}")
        ask_caches(turn, _patience(turn))
    else:
        endings.fail(turn, _nowhere(job, reply))
    return turn.step()


def awaits(job: Job) -> bool:
    """Whether it waits for the caches to say where it is staged."""
    return job.copy.state is CopyState.WAITING and job.copy.awaits_cache


def past(job: Job, decision: Decision, now: datetime, rules: Rules) -> Step:
    """No cache can stage it, and by now one hop does: what was written is gone on with."""
    turn, (leg,) = Turn(job, now, rules), decision.plan.hops
    if not job.live or not job.copy.awaits_cache:
        return turn.step()
    told = {"answers": decision.answers, "strategy": decision.strategy, "plan": decision.plan}
    turn.change(awaits_cache=False, deadline=None, **told)
    turn.note("planned", f"by {decision.strategy}: no cache could stage it")
    source, reader = job.copy.request.source, reader_of(job)
    if reader is None:
        add_hops(turn, [(source, job.copy.request.destination)])
    else:
        changed = {"must_run_on": leg.must_run_on, "method": leg.method, "cache_reason": ""}
        epoch = newest_epoch(job)
        turn.put(reader, source=source, epoch=epoch, **changed, **ready(turn))
    turn.planned()
    return turn.step()


def _read(turn: Turn, reply: CacheReserved) -> None:
    reader, request = reader_of(turn.job), turn.copy.request
    if len(turn.copy.plan.hops) == 1:
        turn.note("held", reply.reason)
        endings.complete(turn, None)
    elif reader is None:
        add_hops(turn, [(_given(reply.source, reply), request.destination)], reply.reason)
    else:
        end = _given(reply.source, reply)
        turn.put(reader, source=end, cache_reason=reply.reason, **ready(turn))


def _fill(turn: Turn, reply: CacheReserved) -> None:
    request, reader = turn.copy.request, reader_of(turn.job)
    target = _given(reply.destination, reply)
    if len(turn.copy.plan.hops) == 1:
        add_hops(turn, [(request.source, target)], reply.reason)
        return
    read = _given(reply.source, reply)
    if reader is None:
        ends = [(request.source, target), (read, request.destination)]
        add_hops(turn, ends, reply.reason)
        return
    add_hops(turn, [(request.source, target)], reply.reason, before=reader)
    later = turn.job.hop(reader.id)
    assert later is not None
    turn.put(later, source=read, cache_reason=reply.reason)


@dataclass(frozen=True)
class Lost:
    """A cache store that is not what it was; ``at_once`` where nothing can move there any more."""

    store_id: str
    why: str
    at_once: bool


def lost(job: Job, cache: Lost, now: datetime, rules: Rules) -> Step:
    """What is not under way there goes elsewhere; what is too, now or as soon as its agent has
    given up."""
    turn = Turn(job, now, rules)
    if job.live and any(_touches(hop, cache) for hop in job.hops):
        restage(turn, cache.why)
    return turn.step()


def strayed(job: Job, why: str, now: datetime, rules: Rules) -> Step:
    """The hop to be placed would read or write a cache that can't be used."""
    turn = Turn(job, now, rules)
    restage(turn, why)
    return turn.step()


def _patience(turn: Turn) -> float:
    """Until it asks again: soon at first, and never so late that it waits much longer for that;
    hundreds may wait for one fill."""
    limits, until = turn.limits, turn.copy.deadline
    left = (until - turn.now).total_seconds() if until else 0
    waited = limits.cache_wait_seconds - left
    return min(max(limits.cache_poll_seconds, waited / 20), limits.cache_poll_most_seconds)


def _touches(hop: HopRecord, cache: Lost) -> bool:
    if hop.state is not HopState.PENDING and not cache.at_once:
        return False
    if hop.reads_cache:
        return hop.state in {HopState.PENDING, *LEASED} and hop.source.store_id == cache.store_id
    return hop.fills and not ended(hop.state) and hop.destination.store_id == cache.store_id


def _nowhere(job: Job, reply: CacheReserved) -> Problem:
    return NoStrategy(
        f"no cache store can stage it: {reply.reason}",
        resource=f"copy/{job.copy.id}",
        hint="add a cache store in the destination's scope, or room on one",
        code="cache",
    ).problem


def _given(end: CopyEnd | None, reply: CacheReserved) -> CopyEnd:
    if end is None:
        raise Conflict(f"the answer {reply.answer} lacks an end", code="cache_answer")
    return end


def _give_back(turn: Turn, reply: CacheReserved) -> None:
    """An answer that comes too late; what the copy's hops use is theirs."""
    used = {end.grant.id for hop in turn.job.hops for end in (hop.source, hop.destination)}
    for end in (reply.source, reply.destination):
        if end is not None and end.grant.id not in used:
            words.release_grant(turn, end)
