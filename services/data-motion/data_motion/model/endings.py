"""How a copy ends: completed, failed or cancelled; and how a failed hop is tried again."""

from functools import partial
from typing import Any

from stowage_contracts.errors import Problem, Retry
from stowage_contracts.messages.data_motion import CopyCancelled, CopyCompleted, CopyFailed
from stowage_contracts.values import Receipt
from stowage_contracts.views import CopyView

from data_motion.model import words
from data_motion.model.states import AskerState, CopyState, HopState, ended
from data_motion.model.turn import Turn
from data_motion.model.waiting import halt
from data_motion.records import AskerRecord, HopRecord


def complete(turn: Turn, receipt: Receipt | None) -> None:
    """The destination exists; None when it did before anything moved."""
    turn.enter(
        CopyState.DONE,
        finished=turn.now,
        waiting_for="",
        paused="",
        deadline=None,
        digest=receipt.digest if receipt else turn.copy.request.digest,
    )
    turn.note("done", "" if receipt else "there was nothing to move")
    for asker in turn.job.active:
        retell(turn, asker)


def fail(turn: Turn, problem: Problem) -> None:
    """Nothing more can be tried: stop every hop, give everything back, say why."""
    _wind_up(turn, HopState.FAILED, problem)
    turn.enter(CopyState.FAILED, error=problem, **_over(turn))
    turn.note("failed", f"{problem.code}: {problem.cause}")
    for asker in turn.job.active:
        retell(turn, asker)


def stop(turn: Turn) -> None:
    """The last asker is gone: stop every hop and give everything back."""
    _wind_up(turn, HopState.CANCELLED, None)
    turn.enter(CopyState.CANCELLED, **_over(turn))
    turn.note("cancelled")
    for asker in turn.job.active:
        detach(turn, asker)


def detach(turn: Turn, asker: AskerRecord) -> None:
    """One asker withdraws."""
    asker = asker.having(state=AskerState.DETACHED)
    turn.put_asker(asker)
    retell(turn, asker)


def retell(turn: Turn, asker: AskerRecord) -> None:
    """How it ended for an asker, said again whenever it asks again; nothing before the end."""
    if asker.state is AskerState.DETACHED:
        turn.tell(asker, partial(_cancelled, last=turn.copy.state is CopyState.CANCELLED))
    elif turn.copy.state is CopyState.DONE:
        hops = turn.job.hops
        turn.tell(asker, partial(_completed, receipt=hops[-1].receipt if hops else None))
    elif turn.copy.state is CopyState.FAILED and turn.copy.error is not None:
        turn.tell(asker, partial(_failed, error=turn.copy.error))


def _completed(view: CopyView, asker: AskerRecord, receipt: Receipt | None) -> CopyCompleted:
    return CopyCompleted(
        state=view, object=asker.object, destination=asker.destination, receipt=receipt
    )


def _failed(view: CopyView, asker: AskerRecord, error: Problem) -> CopyFailed:
    return CopyFailed(state=view, destination=asker.destination, error=error)


def _cancelled(view: CopyView, asker: AskerRecord, last: bool) -> CopyCancelled:
    return CopyCancelled(state=view, destination=asker.destination, last=last)


def fail_hop(turn: Turn, hop: HopRecord, problem: Problem) -> None:
    """Try a hop again, or elsewhere, or give the copy up, as the error's retry class says."""
    attempts = hop.attempts + 1
    changed = problem.code.startswith("source_changed")
    if is_last(turn, hop, problem):
        turn.put(hop, error=problem, attempts=attempts)
        fail(turn, problem)
        return
    turn.note("again", f"host {hop.host_id}: {problem.code}: {problem.cause}")
    # What the one could not do now another may: the store out of its reach, or itself stopping.
    tried = "excluded" if problem.retry is Retry.ELSEWHERE else "avoided"
    again(
        turn,
        hop,
        **{tried: (*getattr(hop, tried), *([hop.host_id] if hop.host_id else []))},
        attempts=attempts,
        error=problem,
        yielding="",
        generation=hop.generation + changed,
        retry_at=turn.now + turn.limits.backoff(attempts),
    )


def is_last(turn: Turn, hop: HopRecord, problem: Problem) -> bool:
    """Whether a hop that failed so is not tried again."""
    changed = problem.code.startswith("source_changed")
    tries = max(hop.attempts + 1, hop.generation if changed else 0)
    return problem.retry is Retry.FINAL or tries >= turn.limits.max_attempts


def again(turn: Turn, hop: HopRecord, **fields: object) -> HopRecord:
    """Back to pending: its slots are free, and it waits for an agent under the next epoch."""
    hop = turn.move(
        hop,
        HopState.PENDING,
        **{
            "retry_at": turn.now,
            "blocked_on": None,
            "lease_until": None,
            "receipt": None,
            "unreachable_since": None,
            "preferred": None,
            "nudge_at": None,
            "yields_to": None,
            "deadline": turn.later(turn.limits.wait_seconds),
            **fields,
        },
    )
    if turn.copy.paused:
        halt(turn)
    return hop


def _over(turn: Turn) -> dict[str, Any]:
    over = {"finished": turn.now, "waiting_for": "", "paused": "", "deadline": None}
    return {**over, "awaits_cache": False}


def _wind_up(turn: Turn, state: HopState, problem: Problem | None) -> None:
    left = [hop for hop in turn.job.hops if not ended(hop.state)]
    if not turn.job.hops or turn.copy.awaits_cache:
        words.release_grant(turn, turn.copy.request.source)
    if not turn.job.hops:
        words.release_grant(turn, turn.copy.request.destination)
    for hop in left:
        words.release(turn, hop)
        turn.move(
            hop, state, error=hop.error or problem, retry_at=None, yielding="", yields_to=None
        )
