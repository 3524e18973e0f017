"""Hops of a copy as they are added, and as they are taken from a cache that is lost."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.values import CopyEnd

from data_motion.model import endings, words
from data_motion.model.states import LEASED, CopyState, HopState, ended
from data_motion.model.timeline import share
from data_motion.model.turn import Turn
from data_motion.model.waiting import halt, ready, wait_for_caches
from data_motion.records import HopRecord, Job

MOST_AVOIDED = 8
"""Caches a copy remembers as lost to it."""
FAILURES = 2
"""Caches that may fail a copy before it is the copy that fails."""
_OF_BOTH = ("grant", "not_found", "stalled", "unavailable", "conflict", "out_of_space", "internal")
_OF_A_FILL = (*_OF_BOTH, "no_strategy.agent")
_OF_A_READ = (*_OF_A_FILL, "source", "source_changed", "image.digest", "image.size")
"""Codes of errors that may be the cache's fault: what is the source's own comes back, and is then
the copy's end."""
_GONE = ("grant.entry", "grant.revoked")
"""No use to try again: the entry is not there any more."""
_DAMAGE = ("image.digest", "image.size")


def hop_id(copy_id: str, number: int) -> str:
    """The same id each time, so that the rules stay pure."""
    return str(uuid5(NAMESPACE_URL, f"stowage:copy/{copy_id}/hop/{number}"))


def add_hops(
    turn: Turn,
    ends: Sequence[tuple[CopyEnd, CopyEnd]],
    cache_reason: str = "",
    *,
    before: HopRecord | None = None,
) -> None:
    """Add the hops of a plan, or the first one anew ``before`` the one that reads its cache; only
    the first may be offered yet."""
    made, legs = len(turn.job.hops), turn.copy.plan.hops
    legs = legs[:1] if before is not None else legs[-len(ends) :]
    first = made if before is None else before.ordinal
    epoch = newest_epoch(turn.job)
    if before is not None:
        turn.put(before, ordinal=first + 1)
    for number, ((source, destination), leg) in enumerate(zip(ends, legs, strict=True)):
        hop = HopRecord(
            id=hop_id(turn.copy.id, made + number),
            copy_id=turn.copy.id,
            ordinal=first + number,
            source=source,
            destination=destination,
            must_run_on=leg.must_run_on,
            method=leg.method,
            cache_reason=cache_reason,
            epoch=epoch,
        )
        turn.put(hop, **(ready(turn) if number == 0 else {}))


def newest_epoch(job: Job) -> int:
    """The one under which the source was read last: its owner refuses older ones."""
    return max((hop.epoch for hop in job.hops), default=0)


def reader_of(job: Job) -> HopRecord | None:
    """The hop that reads the cache, unless it is over."""
    live = (hop for hop in job.hops if hop.reads_cache and not ended(hop.state))
    return next(live, None)


def restage(turn: Turn, why: str, damaged: Problem | None = None) -> None:
    """Take the copy from its cache and ask for another; what the destination holds stays."""
    avoids = [*turn.copy.avoids]
    for hop in turn.job.hops:
        if ended(hop.state):
            continue
        if hop.fills:
            avoids.append(hop.destination.store_id or "")
            _drop_fill(turn, hop, why)
        elif hop.reads_cache and hop.state in {HopState.PENDING, *LEASED}:
            avoids.append(hop.source.store_id or "")
            _lay_idle(turn, hop, damaged)
    if turn.copy.cancelling:
        endings.stop(turn)
        return
    last = dict.fromkeys(reversed(avoids))
    turn.change(avoids=tuple(reversed([*last][:MOST_AVOIDED])), awaits_cache=True)
    turn.note("staged anew", why)
    if turn.copy.state is CopyState.PAUSED:
        return
    if turn.copy.paused:
        halt(turn)
    else:
        wait_for_caches(turn, turn.limits.cache_poll_seconds if turn.copy.restaged else 0)


def forsaken(hop: HopRecord, problem: Problem) -> bool:
    """Whether its cache can serve it no more, though the error's class says to try again."""
    return (hop.fills or hop.reads_cache) and problem.code in _GONE


def blamed(turn: Turn, hop: HopRecord, problem: Problem) -> bool:
    """Stage a copy anew whose hop failed for good, where that may be its cache's fault; False
    where it is not, or too many caches have failed it."""
    code = problem.code
    codes = _OF_A_READ if hop.reads_cache else _OF_A_FILL if hop.fills else ()
    if not any(code == one or code.startswith(f"{one}.") for one in codes):
        return False
    if turn.copy.restaged >= FAILURES:
        return False
    turn.change(restaged=turn.copy.restaged + 1)
    end = hop.source if hop.reads_cache else hop.destination
    told = f"cache store {end.store_id} failed it: {code}: {problem.cause}"
    restage(turn, told, problem if hop.reads_cache and code in _DAMAGE else None)
    return True


def _drop_fill(turn: Turn, hop: HopRecord, why: str) -> None:
    if hop.host_id is not None and hop.state in LEASED:
        words.cancel(turn, hop)
    words.release_grant(turn, hop.destination, hop.epoch)
    over = HopState.FAILED if hop.state is HopState.COMMITTING else HopState.CANCELLED
    error = hop.error or Unavailable(why, resource=f"hop/{hop.id}", code="cache_lost").problem
    turn.move(hop, over, error=error, retry_at=None, yielding="", yields_to=None)


def _lay_idle(turn: Turn, hop: HopRecord, damaged: Problem | None) -> None:
    """Its agent stops at the edge of a range; whatever it still writes is the same bytes."""
    words.release_grant(turn, hop.source, hop.epoch, damaged)
    idle = {
        "retry_at": None,
        "deadline": None,
        "nudge_at": None,
        "blocked_on": None,
        "unreachable_since": None,
        "excluded": (),
        "avoided": (),
        "attempts": 0,
        "error": None,
        "yielding": "",
    }
    if hop.state is HopState.PENDING:
        turn.put(hop, **idle)
        return
    turn.note("yielded", f"host {hop.host_id} at {share(hop)}; its cache is lost")
    words.steer(turn, hop.having(yielding="its cache is lost"))
    endings.again(turn, hop, **idle)
