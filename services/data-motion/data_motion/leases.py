"""The rules of a hop under way: offered, progressing, lost, stalled, offered again."""

from dataclasses import dataclass
from datetime import datetime

from stowage_contracts.errors import Problem, Stalled, Unavailable
from stowage_contracts.messages.hypervisor_agent import HopProgressed
from stowage_contracts.values import ServiceName

from data_motion import endings, words
from data_motion.limits import Limits, Rules
from data_motion.model import hold
from data_motion.records import HopRecord, Job
from data_motion.states import LEASED, CopyState, HopState, ended
from data_motion.turn import Step, Turn


@dataclass(frozen=True)
class Placed:
    """The agent a hop is given to, and the slots it takes."""

    host_id: str
    boot_id: str
    reason: str
    slots: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """Why a hop cannot be offered yet."""

    reason: str
    blocked_on: tuple[str, ...] | None = None
    unreachable: bool = False


def offer(job: Job, hop: HopRecord, placed: Placed, now: datetime, rules: Rules) -> Step:
    """Lease a pending hop to an agent under the next epoch."""
    turn = Turn(job, now, rules)
    hop = turn.move(
        hop, HopState.OFFERED, host_id=placed.host_id, boot_id=placed.boot_id,
        endpoint_reason=placed.reason, slots=placed.slots, epoch=hop.epoch + 1,
        # A converted destination differs from writer to writer: never continue another's.
        generation=hop.generation + (hop.converts and hop.epoch > 0),
        lease_until=turn.later(rules.limits.offer_seconds), bytes_at=now, preferred=None,
        blocked_on=None, retry_at=None, unreachable_since=None, deadline=None, nudge_at=None,
    )  # fmt: skip
    if job.copy.state is not CopyState.RUNNING:
        turn.enter(CopyState.RUNNING)
    turn.change(waiting_for="")
    words.execute(turn, hop)
    turn.started()
    return turn.step()


def wait(job: Job, hop: HopRecord, held: Held, now: datetime, rules: Rules) -> Step:
    """Nobody can take the hop now; say what it waits for."""
    turn = Turn(job, now, rules)
    since = (hop.unreachable_since or now) if held.unreachable else None
    again = now if held.blocked_on else turn.later(rules.limits.unable_again_seconds)
    turn.put(hop, blocked_on=held.blocked_on, unreachable_since=since, retry_at=again)
    hold(turn, held.reason)
    return turn.step()


def hopeless(job: Job, problem: Problem, now: datetime, rules: Rules) -> Step:
    """No agent can ever take the hop."""
    turn = Turn(job, now, rules)
    endings.fail(turn, problem)
    return turn.step()


def progressed(job: Job, message: HopProgressed, now: datetime, rules: Rules) -> Step:
    """Renew the lease; new bytes also clear the count of tries. Older epochs are not heard."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state not in LEASED:
        return turn.step()
    if hop.state is HopState.OFFERED:
        hop = turn.move(hop, HopState.MOVING)
    figures, best = message.transfer, max(hop.bytes_best, message.transfer.bytes_done)
    moved = (figures.bytes_done, figures.phase) != (hop.transfer.bytes_done, hop.transfer.phase)
    fresh = best > hop.bytes_best
    turn.put(
        hop, transfer=figures, journaled=message.journaled, bytes_best=best,
        bytes_at=now if moved else hop.bytes_at, attempts=0 if fresh else hop.attempts,
        avoided=() if fresh else hop.avoided, lease_until=turn.later(rules.limits.lease_seconds),
    )  # fmt: skip
    turn.progressed()
    return turn.step()


def sweep(job: Job, now: datetime, rules: Rules) -> Step:
    """Everything whose deadline has passed."""
    turn = Turn(job, now, rules)
    if not job.live:
        return turn.step()
    waiting = job.copy.deadline
    if not job.hops and waiting is not None and waiting <= now:
        endings.fail(turn, Unavailable(
            f"waited in vain for {job.copy.waiting_for}", code="cache",
            resource=f"copy/{job.copy.id}", hint="add a cache store, or room on one",
        ).problem)  # fmt: skip
        return turn.step()
    for hop in job.hops:
        if hop.due is not None and hop.due <= now and not ended(turn.copy.state):
            _overdue(turn, hop)
    return turn.step()


def was_away(
    beat: datetime | None, heard: datetime | None, now: datetime, limits: Limits
) -> bool:  # fmt: skip
    """Whether nobody could renew: the sweeper did not run, or no agent at all is heard.

    All agents silent at once means the broker is away, or there is only one; then nobody else
    could take its hops. Silence is believed after a while, so that what waits can end.
    """
    stopped = (now - beat).total_seconds() if beat else 0
    silence = (now - heard).total_seconds() if heard else 0
    return stopped > limits.away_seconds or (
        limits.away_seconds < silence < limits.cut_off_seconds
    )  # fmt: skip


def extend(job: Job, now: datetime, rules: Rules) -> Step:
    """Leases that run out while nobody could renew them start afresh."""
    turn = Turn(job, now, rules)
    until = turn.later(rules.limits.lease_seconds)
    soon = turn.later(rules.limits.lease_seconds / 2)
    for hop in job.hops:
        if hop.state in LEASED and hop.lease_until is not None and hop.lease_until < soon:
            turn.put(hop, lease_until=until, bytes_at=now)
    return turn.step()


def rejoined(job: Job, host_id: str, boot_id: str, now: datetime, rules: Rules) -> Step:
    """An agent started anew: what it moved before goes to it again, under the next epoch."""
    turn = Turn(job, now, rules)
    for hop in job.hops:
        if hop.host_id != host_id or hop.boot_id == boot_id:
            continue
        if hop.state in LEASED and _may_try(turn, hop, f"host {host_id} restarted"):
            endings.again(turn, hop, attempts=hop.attempts + 1, preferred=host_id)
        elif hop.state is HopState.PENDING and hop.retry_at is not None:
            turn.put(hop, retry_at=now, unreachable_since=None, preferred=host_id)
        elif hop.state is HopState.COMMITTING:
            turn.put(hop, boot_id=boot_id)
            words.commit(turn, hop)
    return turn.step()


def _overdue(turn: Turn, hop: HopRecord) -> None:
    if hop.state is HopState.PENDING:
        _waited(turn, hop)
    elif hop.state is HopState.COMMITTING:
        _not_committed(turn, hop)
    elif hop.lease_until is not None and hop.lease_until <= turn.now:
        _lost(turn, hop)
    else:
        _stalled(turn, hop)


def _waited(turn: Turn, hop: HopRecord) -> None:
    if hop.nudge_at is not None and hop.nudge_at <= turn.now:
        turn.progressed(always=True)
        hop = turn.put(hop, nudge_at=turn.later(turn.limits.pin_again_seconds))
    lost = hop.unreachable_since
    away = (turn.now - lost).total_seconds() if lost else 0
    if away >= turn.limits.host_return_seconds:
        named = f"host {hop.tied_to}" if hop.tied_to else "every able agent"
        endings.fail(turn, Unavailable(
            f"{named} did not return within {turn.limits.host_return_seconds:g} s",
            code="host_gone", resource=f"hop/{hop.id}", hint="start its agent and ask again",
        ).problem)  # fmt: skip
    elif hop.deadline is not None and hop.deadline <= turn.now:
        endings.fail(turn, Unavailable(
            f"waited in vain for {turn.copy.waiting_for or 'an agent'}", code="no_slot",
            resource=f"hop/{hop.id}", hint="add agents, or slots to those there are",
        ).problem)  # fmt: skip


def _not_committed(turn: Turn, hop: HopRecord) -> None:
    if hop.deadline is not None and hop.deadline <= turn.now:
        endings.fail(turn, Unavailable(
            f"no answer to the commit within {turn.limits.commit_seconds:g} s", code="commit",
            resource=f"hop/{hop.id}", hint=f"is {words.owner_address(hop)} running?",
        ).problem)  # fmt: skip
        return
    turn.put(hop, nudge_at=turn.later(turn.limits.commit_again_seconds))
    words.commit(turn, hop)


def _lost(turn: Turn, hop: HopRecord) -> None:
    offered = hop.state is HopState.OFFERED
    why = "did not take up the hop" if offered else "stopped renewing its lease"
    if _may_try(turn, hop, f"host {hop.host_id} {why}"):
        avoided = (*hop.avoided, hop.host_id or "")
        endings.again(turn, hop, attempts=hop.attempts + 1, avoided=avoided)


def _stalled(turn: Turn, hop: HopRecord) -> None:
    """The old epoch is stopped and deletes its part, so the next one writes a new one.

    Not on a pool that several hosts share: there the delete could hit the next one's part.
    """
    if hop.tied_to or hop.destination.grant.owner is not ServiceName.HYPERVISOR_AGENT:
        words.cancel(turn, hop)
    if _may_try(turn, hop, f"host {hop.host_id} moved no byte"):
        endings.again(
            turn, hop, attempts=hop.attempts + 1, generation=hop.generation + 1,
            avoided=(*hop.avoided, hop.host_id or ""), journaled=(),
        )  # fmt: skip


def _may_try(turn: Turn, hop: HopRecord, why: str) -> bool:
    """Whether a try is left; otherwise the copy fails."""
    if hop.attempts + 1 < turn.limits.max_attempts:
        return True
    endings.fail(turn, Stalled(
        f"{why}, after {hop.attempts + 1} tries without a new byte", code="lease",
        resource=f"hop/{hop.id}", hint="look at the logs of the agents that tried",
    ).problem)  # fmt: skip
    return False
