"""The rules of a hop under way: offered, waiting, progressing, given back after a restart."""

from dataclasses import dataclass
from datetime import datetime

from stowage_contracts.errors import Problem, Stalled
from stowage_contracts.messages.hypervisor_agent import HopProgressed

from data_motion.model import cloning, endings, stages, words
from data_motion.model.limits import Rules
from data_motion.model.states import LEASED, CopyState, HopState
from data_motion.model.timeline import share
from data_motion.model.turn import QUIET_PHASES, Step, Turn
from data_motion.model.waiting import hold
from data_motion.records import HopRecord, Job


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
    patient: bool = False
    """Somebody wants it to wait, and ends that: the time does not count."""
    strayed: bool = False
    """It is its cache that is not to be used: another one may be."""


def offer(job: Job, hop: HopRecord, placed: Placed, now: datetime, rules: Rules) -> Step:
    """Lease a pending hop to an agent under the next epoch."""
    turn = Turn(job, now, rules)
    if hop.by_store:
        return cloning.begin(turn, hop, placed.slots)
    hop = turn.move(
        hop,
        HopState.OFFERED,
        host_id=placed.host_id,
        boot_id=placed.boot_id,
        endpoint_reason=placed.reason,
        slots=placed.slots,
        epoch=hop.epoch + 1,
        # A converted destination differs from writer to writer: never continue another's.
        generation=hop.generation + (hop.converts and hop.epoch > 0),
        lease_until=turn.later(rules.limits.offer_seconds),
        bytes_at=now,
        preferred=None,
        blocked_on=None,
        retry_at=None,
        unreachable_since=None,
        deadline=None,
        nudge_at=None,
        yielding="",
        yields_to=None,
    )
    if job.copy.state is not CopyState.RUNNING:
        turn.enter(CopyState.RUNNING)
    turn.change(waiting_for="")
    turn.note("offered", _where(hop))
    words.execute(turn, hop)
    turn.started()
    return turn.step()


def wait(job: Job, hop: HopRecord, held: Held, now: datetime, rules: Rules) -> Step:
    """Nobody can take the hop now; say what it waits for."""
    turn = Turn(job, now, rules)
    since = (hop.unreachable_since or now) if held.unreachable else None
    again = now if held.blocked_on else turn.later(rules.limits.unable_again_seconds)
    until = turn.later(rules.limits.wait_seconds) if held.patient else hop.deadline
    turn.put(
        hop, blocked_on=held.blocked_on, unreachable_since=since, retry_at=again, deadline=until
    )
    hold(turn, f"{held.reason}; {hop.yielding}" if hop.yielding else held.reason)
    return turn.step()


def hopeless(job: Job, problem: Problem, now: datetime, rules: Rules) -> Step:
    """No agent can ever take the hop."""
    turn, hop = Turn(job, now, rules), job.current
    if hop is None or not stages.blamed(turn, hop, problem):
        endings.fail(turn, problem)
    return turn.step()


def progressed(job: Job, message: HopProgressed, now: datetime, rules: Rules) -> Step:
    """Renew the lease; new bytes also clear the count of tries. Older epochs are not heard."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state not in LEASED:
        return turn.step()
    hop = taken_up(turn, hop)
    figures, best = message.transfer, max(hop.bytes_best, message.transfer.bytes_done)
    moved = (figures.bytes_done, figures.phase) != (hop.transfer.bytes_done, hop.transfer.phase)
    fresh = best > hop.bytes_best
    turn.put(
        hop,
        transfer=figures,
        journaled=message.journaled,
        bytes_best=best,
        bytes_at=now if moved else hop.bytes_at,
        attempts=0 if fresh else hop.attempts,
        avoided=() if fresh and not hop.yielding else hop.avoided,
        lease_until=turn.later(rules.limits.lease_seconds),
        deadline=_until(turn, hop, figures.phase),
    )
    turn.progressed()
    return turn.step()


def taken_up(turn: Turn, hop: HopRecord) -> HopRecord:
    """The first word of its agent."""
    if hop.state is not HopState.OFFERED:
        return hop
    turn.note("moving", f"hop {hop.ordinal + 1} on host {hop.host_id}")
    return turn.move(hop, HopState.MOVING)


def rejoined(job: Job, host_id: str, boot_id: str, now: datetime, rules: Rules) -> Step:
    """An agent started anew: what it moved before goes to it again, under the next epoch."""
    turn = Turn(job, now, rules)
    for hop in job.hops:
        if hop.host_id != host_id:
            continue
        if hop.boot_id == boot_id:
            _say_again(turn, hop)
        elif hop.state in LEASED and may_try(turn, hop, f"host {host_id} restarted"):
            turn.note("lost", f"host {host_id} restarted; {share(hop)}")
            onward = hop.preferred if hop.yielding else host_id
            endings.again(turn, hop, attempts=hop.attempts + 1, preferred=onward)
        elif hop.state is HopState.PENDING and hop.retry_at is not None:
            turn.put(hop, retry_at=now, unreachable_since=None, preferred=host_id)
        elif hop.state is HopState.COMMITTING:
            turn.put(hop, boot_id=boot_id)
            words.commit(turn, hop)
    return turn.step()


def may_try(turn: Turn, hop: HopRecord, why: str) -> bool:
    """Whether a try is left; otherwise the copy fails, or is staged anew."""
    if hop.attempts + 1 < turn.limits.max_attempts:
        return True
    problem = Stalled(
        f"{why}, after {hop.attempts + 1} tries without a new byte",
        code="lease",
        resource=f"hop/{hop.id}",
        hint="look at the logs of the agents that tried",
    ).problem
    if not stages.blamed(turn, hop, problem):
        endings.fail(turn, problem)
    return False


def _say_again(turn: Turn, hop: HopRecord) -> None:
    """An agent that was cut off may have missed how it was to be steered."""
    if hop.state in LEASED and (hop.yielding or turn.copy.bytes_per_second):
        words.steer(turn, hop)


def _until(turn: Turn, hop: HopRecord, phase: str) -> datetime | None:
    """How long a hop that was asked to yield may take; it can't stop amid a conversion."""
    if hop.yielding and phase in QUIET_PHASES:
        return turn.later(turn.limits.lease_seconds)
    return hop.deadline


def _where(hop: HopRecord) -> str:
    onward = f"; goes on from {share(hop)}" if hop.journaled else ""
    return f"hop {hop.ordinal + 1} to host {hop.host_id}: {hop.endpoint_reason}{onward}"
