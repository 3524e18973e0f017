"""The rules of a hop's end: verified, committed by the destination's owner, or not."""

from datetime import datetime

from stowage_contracts.errors import Conflict, ImageRefused, InvalidInput, Problem
from stowage_contracts.messages.data_motion import HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import HopFinished
from stowage_contracts.values import HopMethod, Receipt, Transfer

from data_motion.model import endings, stages, words
from data_motion.model.leases import taken_up
from data_motion.model.limits import Rules
from data_motion.model.states import LEASED, HopState
from data_motion.model.turn import Step, Turn
from data_motion.model.waiting import halt, ready
from data_motion.records import HopRecord, Job


def finished(job: Job, message: HopFinished, now: datetime, rules: Rules) -> Step:
    """The agent's report; only of the epoch that holds the lease."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state not in LEASED:
        return turn.step()
    hop = taken_up(turn, hop)
    problem = message.error
    if problem is None:
        problem = _refusal(job, hop, message.receipt)
    if problem is not None or message.receipt is None:
        _failed(turn, hop, problem or _no_receipt(hop))
    else:
        _commit(turn, hop, message.receipt)
    return turn.step()


def committed(job: Job, message: HopCommitted, now: datetime, rules: Rules) -> Step:
    """The destination exists: next hop, or done."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state is not HopState.COMMITTING:
        return turn.step()
    receipt = hop.receipt
    if receipt is None or receipt.digest != message.digest:
        _failed(
            turn,
            hop,
            Conflict(
                f"{words.owner_address(hop)} committed other bytes than were verified",
                code="digest",
                resource=f"hop/{hop.id}",
                hint="delete the object and copy again",
            ).problem,
        )
        return turn.step()
    whole = Transfer(bytes_done=receipt.size, bytes_total=receipt.size)
    turn.move(hop, HopState.COMMITTED, transfer=whole, deadline=None, nudge_at=None, retry_at=None)
    turn.note("committed", f"hop {hop.ordinal + 1}, by {words.owner_address(hop)}")
    turn.progressed(always=True)
    _go_on(turn, receipt)
    return turn.step()


def commit_failed(job: Job, message: HopCommitFailed, now: datetime, rules: Rules) -> Step:
    """The destination was read and found absent: copy it again, into a new part; by agents, where
    a store would not do it itself."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state is not HopState.COMMITTING:
        return turn.step()
    fresh = hop.having(
        generation=hop.generation + 1,
        journaled=(),
        bytes_best=0,
        method=HopMethod.COPY if hop.by_store else hop.method,
    )
    _failed(turn, fresh, message.error)
    return turn.step()


def _failed(turn: Turn, hop: HopRecord, problem: Problem) -> None:
    """Where it may be a cache's fault another one is tried before the copy fails."""
    last = endings.is_last(turn, hop, problem) or stages.forsaken(hop, problem)
    if not (last and stages.blamed(turn, hop, problem)):
        endings.fail_hop(turn, hop, problem)


def _commit(turn: Turn, hop: HopRecord, receipt: Receipt) -> None:
    limits = turn.limits
    hop = turn.move(
        hop,
        HopState.VERIFIED,
        HopState.COMMITTING,
        receipt=receipt,
        error=None,
        transfer=Transfer(bytes_done=receipt.size, bytes_total=receipt.size, phase="committing"),
        deadline=turn.later(limits.commit_seconds),
        lease_until=None,
        nudge_at=turn.later(limits.commit_again_seconds),
        yielding="",
        yields_to=None,
    )
    turn.note("verified", f"{receipt.size} bytes, {receipt.digest}")
    words.commit(turn, hop)
    turn.progressed(always=True)


def _go_on(turn: Turn, receipt: Receipt) -> None:
    left = turn.job.current
    if left is None:
        endings.complete(turn, receipt)
    elif turn.copy.cancelling:
        endings.stop(turn)
    elif turn.copy.paused:
        halt(turn)
    else:
        turn.put(left, **ready(turn))


def _refusal(job: Job, hop: HopRecord, receipt: Receipt | None) -> Problem | None:
    """Why a receipt does not match what was asked for; the record must match the bytes."""
    if receipt is None:
        return None
    request, told = job.copy.request, {"resource": f"hop/{hop.id}"}
    verdict = receipt.verdict
    if verdict is not None and not verdict.accepted:
        return ImageRefused(verdict.reason, code=verdict.code, **told).problem
    if request.checksum is not None and receipt.linear != request.checksum:
        found = receipt.linear or "no checksum"
        return ImageRefused(
            f"{found} instead of {request.checksum}", code="checksum", **told
        ).problem
    if hop.converts:
        return None
    if request.digest is not None and receipt.digest != request.digest:
        return ImageRefused(
            f"{receipt.digest} instead of {request.digest}", code="digest", **told
        ).problem
    if request.size is not None and receipt.size != request.size:
        return ImageRefused(
            f"{receipt.size} bytes instead of {request.size}", code="size", **told
        ).problem
    return None


def _no_receipt(hop: HopRecord) -> Problem:
    return InvalidInput(
        "the agent reported neither a receipt nor an error", code="report", resource=f"hop/{hop.id}"
    ).problem
