"""The rules of what is overdue: lost leases, stalls, commits nobody answered, waits in vain."""

from datetime import datetime

from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.values import ServiceName

from data_motion.model import endings, words
from data_motion.model.leases import may_try
from data_motion.model.limits import Limits, Rules
from data_motion.model.states import LEASED, CopyState, HopState, ended
from data_motion.model.timeline import share
from data_motion.model.turn import Step, Turn
from data_motion.records import HopRecord, Job


def sweep(job: Job, now: datetime, rules: Rules) -> Step:
    """Everything whose deadline has passed."""
    turn = Turn(job, now, rules)
    if not job.live:
        return turn.step()
    until = job.copy.deadline
    if until is not None and until <= now and job.copy.state is CopyState.PAUSED:
        _forgotten(turn)
    elif in_vain(job, now):
        _no_cache(turn)
    for hop in job.hops:
        if hop.due is not None and hop.due <= now and not ended(turn.copy.state):
            _overdue(turn, hop)
    return turn.step()


def in_vain(job: Job, now: datetime) -> bool:
    """Whether it has waited for a cache as long as it may."""
    until = job.copy.deadline
    waits = job.copy.awaits_cache and job.copy.state is CopyState.WAITING
    return waits and until is not None and until <= now


def was_away(beat: datetime | None, heard: datetime | None, now: datetime, limits: Limits) -> bool:
    """Whether nobody could renew: the sweeper did not run, or no agent at all is heard.

    All agents silent at once means the broker is away, or there is only one; then nobody else
    could take its hops. Silence is believed after a while, so that what waits can end.
    """
    stopped = (now - beat).total_seconds() if beat else 0
    silence = (now - heard).total_seconds() if heard else 0
    return stopped > limits.away_seconds or (limits.away_seconds < silence < limits.cut_off_seconds)


def extend(job: Job, now: datetime, rules: Rules) -> Step:
    """Leases that run out while nobody could renew them start afresh."""
    turn = Turn(job, now, rules)
    until = turn.later(rules.limits.lease_seconds)
    soon = turn.later(rules.limits.lease_seconds / 2)
    for hop in job.hops:
        if hop.state in LEASED and hop.lease_until is not None and hop.lease_until < soon:
            deadline = until if hop.yielding else hop.deadline
            turn.put(hop, lease_until=until, bytes_at=now, deadline=deadline)
    return turn.step()


def _forgotten(turn: Turn) -> None:
    endings.fail(
        turn,
        Conflict(
            f"paused for more than {turn.limits.pause_seconds:g} s ({turn.copy.paused})",
            code="paused",
            resource=f"copy/{turn.copy.id}",
            hint="ask again; what had arrived was deleted",
        ).problem,
    )


def _no_cache(turn: Turn) -> None:
    endings.fail(
        turn,
        Unavailable(
            f"waited in vain for {turn.copy.waiting_for}",
            code="cache",
            resource=f"copy/{turn.copy.id}",
            hint="add a cache store, or room on one",
        ).problem,
    )


def _overdue(turn: Turn, hop: HopRecord) -> None:
    if hop.state is HopState.PENDING:
        _waited(turn, hop)
    elif hop.state is HopState.COMMITTING:
        _not_committed(turn, hop)
    elif hop.lease_until is not None and hop.lease_until <= turn.now:
        _lost(turn, hop)
    elif hop.deadline is not None and hop.deadline <= turn.now:
        _too_slow(turn, hop)
    elif hop.nudge_at is not None and hop.nudge_at <= turn.now:
        turn.put(hop, nudge_at=turn.later(turn.limits.steer_again_seconds))
        words.steer(turn, hop)
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
        endings.fail(
            turn,
            Unavailable(
                f"{named} did not return within {turn.limits.host_return_seconds:g} s",
                code="host_gone",
                resource=f"hop/{hop.id}",
                hint="start its agent and ask again",
            ).problem,
        )
    elif hop.deadline is not None and hop.deadline <= turn.now:
        endings.fail(
            turn,
            Unavailable(
                f"waited in vain for {turn.copy.waiting_for or 'an agent'}",
                code="no_slot",
                resource=f"hop/{hop.id}",
                hint="add agents, or slots to those there are",
            ).problem,
        )


def _not_committed(turn: Turn, hop: HopRecord) -> None:
    if hop.deadline is not None and hop.deadline <= turn.now:
        endings.fail(
            turn,
            Unavailable(
                f"no answer to the commit within {turn.limits.commit_seconds:g} s",
                code="commit",
                resource=f"hop/{hop.id}",
                hint=f"is {words.owner_address(hop)} running?",
            ).problem,
        )
        return
    turn.put(hop, nudge_at=turn.later(turn.limits.commit_again_seconds))
    words.commit(turn, hop)


def _lost(turn: Turn, hop: HopRecord) -> None:
    offered = hop.state is HopState.OFFERED
    why = "did not take up the hop" if offered else "stopped renewing its lease"
    if may_try(turn, hop, f"host {hop.host_id} {why}"):
        turn.note("lost", f"host {hop.host_id} {why}; {share(hop)}")
        avoided = (*hop.avoided, hop.host_id or "")
        onward = hop.preferred if hop.yielding else None
        endings.again(turn, hop, attempts=hop.attempts + 1, avoided=avoided, preferred=onward)


def _too_slow(turn: Turn, hop: HopRecord) -> None:
    """Asked to yield, it goes on: its epoch is over, whatever it still writes is the same bytes."""
    turn.note("yielded", f"host {hop.host_id} did not answer in time; {share(hop)}")
    endings.again(turn, hop, preferred=hop.preferred)


def _stalled(turn: Turn, hop: HopRecord) -> None:
    """The old epoch is stopped and deletes its part, so the next one writes a new one.

    Not on a pool that several hosts share: there the delete could hit the next one's part.
    """
    if hop.tied_to or hop.destination.grant.owner is not ServiceName.HYPERVISOR_AGENT:
        words.cancel(turn, hop)
    if may_try(turn, hop, f"host {hop.host_id} moved no byte"):
        turn.note("stalled", f"host {hop.host_id} moved no byte")
        endings.again(
            turn,
            hop,
            attempts=hop.attempts + 1,
            generation=hop.generation + 1,
            avoided=(*hop.avoided, hop.host_id or ""),
            journaled=(),
            yielding="",
        )
