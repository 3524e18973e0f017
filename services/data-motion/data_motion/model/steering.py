"""The rules of what people order of a copy under way: pause, resume, change, hand over."""

from datetime import datetime

from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    CopyResumed,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.messages.hypervisor_agent import HopYielded

from data_motion.model import endings, words
from data_motion.model.limits import Rules
from data_motion.model.preempting import Running, Waiting
from data_motion.model.states import LEASED, CopyState, HopState
from data_motion.model.timeline import share
from data_motion.model.turn import Step, Turn
from data_motion.model.waiting import halt, hold, ready, wait_for_caches
from data_motion.records import HopRecord, Job


def pause(job: Job, message: PauseCopy, now: datetime, rules: Rules) -> Step:
    """Stop at the edge of the ranges in flight; a commit under way is never stopped."""
    turn, hop = Turn(job, now, rules), job.current
    if not job.live or job.copy.paused or job.copy.cancelling:
        return turn.step()
    committing = hop is not None and hop.state is HopState.COMMITTING
    if hop is not None and committing and hop is job.hops[-1]:
        turn.note("going on", "too late to pause: the commit is under way")
        turn.changed()
        return turn.step()
    turn.change(paused=message.reason or "paused by request")
    if hop is not None and (committing or hop.state in LEASED):
        if not committing:
            ask_to_yield(turn, hop, turn.copy.paused)
        turn.note("pausing", turn.copy.paused)
        turn.changed()
    else:
        halt(turn)
    return turn.step()


def resume(job: Job, message: ResumeCopy, now: datetime, rules: Rules) -> Step:
    """Go on from where it stopped."""
    turn = Turn(job, now, rules)
    if job.live and job.copy.paused:
        go_on(turn, "resumed by request")
    return turn.step()


def go_on(turn: Turn, why: str) -> None:
    """The pause is over; where it was not reached yet, the hop comes back by itself."""
    turn.change(paused="")
    turn.note("resumed", why)
    if turn.copy.state is CopyState.PAUSED:
        turn.enter(CopyState.WAITING, deadline=None)
        hop = turn.job.current
        if hop is None or turn.copy.awaits_cache:
            wait_for_caches(turn)
        else:
            turn.put(hop, yielding="", **ready(turn))
    turn.event(lambda view, _: CopyResumed(state=view))


def change(job: Job, message: ChangeCopy, now: datetime, rules: Rules) -> Step:
    """Another priority or speed, from now on."""
    turn, hop = Turn(job, now, rules), job.current
    if not job.live:
        return turn.step()
    if message.priority is not None:
        turn.note("changed", f"priority {job.copy.priority} to {message.priority}")
        turn.change(priority=message.priority)
        if hop is not None and hop.state is HopState.PENDING:
            hop = turn.put(hop, blocked_on=None)
    if message.bytes_per_second is not None:
        turn.change(bytes_per_second=message.bytes_per_second or None)
        turn.note("changed", _speed(message.bytes_per_second))
        if hop is not None and hop.state in LEASED:
            words.steer(turn, hop)
    turn.changed()
    return turn.step()


def _speed(limit: int) -> str:
    return f"at most {limit} bytes a second" if limit else "no limit of speed"


def reroute(job: Job, message: RerouteCopy, now: datetime, rules: Rules) -> Step:
    """Hand the hop over to the host that was named, or to any other; the caller has seen that
    there is one."""
    turn, hop = Turn(job, now, rules), job.current
    if not job.live or hop is None or hop.state not in {*LEASED, HopState.PENDING}:
        return turn.step()
    left = (hop.host_id,) if hop.host_id and not message.host_id else ()
    avoided = (*hop.avoided, *left)
    hop = turn.put(hop, preferred=message.host_id, avoided=avoided, blocked_on=None)
    why = f"rerouted to {f'host {message.host_id}' if message.host_id else 'another host'}"
    turn.note("rerouted", why)
    if hop.state in LEASED:
        ask_to_yield(turn, hop, why)
    turn.changed()
    return turn.step()


def refused(job: Job, what: str, why: str, now: datetime, rules: Rules) -> Step:
    """An order that can't be followed: the copy says why, and goes on."""
    turn = Turn(job, now, rules)
    if job.live:
        turn.note(f"not {what}", why)
        turn.changed()
    return turn.step()


def drained(job: Job, host_id: str, why: str, now: datetime, rules: Rules) -> Step:
    """Its host is drained: hand over what moves there. What can move nowhere else waits for the
    host, its journal kept, so that the host becomes idle."""
    turn = Turn(job, now, rules)
    for hop in job.hops:
        if hop.host_id == host_id and hop.state in LEASED and not hop.yielding:
            ask_to_yield(turn, hop, f"host {host_id} is drained: {why}")
    return turn.step()


def preempted(job: Job, hop: HopRecord, by: Waiting, now: datetime, rules: Rules) -> Step:
    """Make room for a hop of higher priority."""
    turn = Turn(job, now, rules)
    why = f"pre-empted by copy {by.copy_id} (priority {by.priority})"
    turn.note("pre-empted", f"on host {hop.host_id} by copy {by.copy_id} (priority {by.priority})")
    ask_to_yield(turn, hop, why, to=by.id)
    return turn.step()


def promised(job: Job, victim: Running, now: datetime, rules: Rules) -> Step:
    """Say whose slot a waiting copy is about to get."""
    turn = Turn(job, now, rules)
    slot = job.copy.waiting_for.partition(";")[0]
    hold(turn, f"{slot}; copy {victim.copy_id} (priority {victim.priority}) makes room")
    return turn.step()


def yielded(job: Job, message: HopYielded, now: datetime, rules: Rules) -> Step:
    """Its agent stopped where the journal is; only of the epoch that holds the lease."""
    turn, hop = Turn(job, now, rules), job.hop(message.hop_id)
    if hop is None or hop.epoch != message.epoch or hop.state not in LEASED:
        return turn.step()
    hop = hop.having(journaled=message.journaled)
    turn.note("yielded", f"host {hop.host_id} at {share(hop)}; {hop.yielding}".rstrip("; "))
    endings.again(turn, hop, preferred=hop.preferred)
    return turn.step()


def ask_to_yield(turn: Turn, hop: HopRecord, why: str, to: str | None = None) -> HopRecord:
    """Ask an agent to stop at the edge of a range; asked already, only the reason changes."""
    if hop.yielding:
        return turn.put(hop, yielding=why)
    limits = turn.limits
    hop = turn.put(
        hop,
        yielding=why,
        yields_to=to,
        deadline=turn.later(limits.lease_seconds),
        nudge_at=turn.later(limits.steer_again_seconds),
    )
    words.steer(turn, hop)
    return hop
