"""The rules of waiting: for a slot, for a cache, or for whoever paused the copy."""

from datetime import datetime

from stowage_contracts.messages.data_motion import CopyPaused

from data_motion.model.states import CopyState, HopState
from data_motion.model.turn import Reserve, Turn


def hold(turn: Turn, reason: str) -> None:
    """Say what the copy waits for, once per reason."""
    if turn.copy.state in {CopyState.PLANNED, CopyState.RUNNING}:
        turn.enter(CopyState.WAITING)
    if turn.copy.waiting_for != reason:
        turn.change(waiting_for=reason)
        turn.note("waiting", reason)
        turn.planned()


def ready(turn: Turn) -> dict[str, datetime | None]:
    """Columns of a hop that may be offered from now on; a cache's pin is renewed meanwhile."""
    return {
        "retry_at": turn.now,
        "deadline": turn.later(turn.limits.wait_seconds),
        "nudge_at": pinned_until(turn),
    }


def pinned_until(turn: Turn) -> datetime | None:
    """When a pin must be asked for again; None where no cache is used."""
    staged = any(leg.destination_is_cache for leg in turn.copy.plan.hops)
    return turn.later(turn.limits.pin_again_seconds) if staged else None


def ask_caches(turn: Turn, after: float) -> None:
    """Ask for space, again after so many seconds, until the copy's deadline."""
    assert turn.copy.deadline is not None
    turn.reserve = Reserve(after, turn.copy.deadline)


def halt(turn: Turn) -> None:
    """Paused: nothing moves and nothing is waited for; only the pause itself has a deadline."""
    hop = turn.job.current
    if hop is not None and hop.state is HopState.PENDING:
        turn.put(
            hop,
            retry_at=None,
            deadline=None,
            blocked_on=None,
            unreachable_since=None,
            nudge_at=pinned_until(turn),
        )
    until = turn.later(turn.limits.pause_seconds)
    turn.enter(CopyState.PAUSED, waiting_for="", deadline=until)
    turn.note("paused", turn.copy.paused)
    turn.event(lambda view, _: CopyPaused(state=view))


def wait_for_caches(turn: Turn, after: float = 0) -> None:
    """Nothing can move before a cache has space; ask for it after so many seconds."""
    until = turn.later(turn.limits.cache_wait_seconds)
    turn.change(deadline=until, awaits_cache=True)
    hold(turn, "space on a cache store")
    ask_caches(turn, after)
