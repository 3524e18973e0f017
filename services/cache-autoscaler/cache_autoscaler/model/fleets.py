"""The controller of a fleet: one step for up and down, pure; the simulator runs it too."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stowage_contracts.caching import CacheFleet, VmState
from stowage_contracts.views import DesiredCount

from cache_autoscaler.model.rooms import NEVER, Host, Patience, able, roomiest
from cache_autoscaler.model.vms import COMING


@dataclass(frozen=True, slots=True)
class Member:
    """A VM as the controller sees it; it counts against the ceiling until it is GONE."""

    id: str
    host_id: str
    state: VmState
    ordered: datetime
    offered: datetime | None = None
    deadline: datetime | None = None
    """Of what comes: by then it is offered, or its spawn has failed."""
    silent: bool = False
    """Its host tells nothing."""
    doomed: str = ""
    """Why it serves nobody any more, and is destroyed."""
    retiring: str = ""
    """Why it should go although it serves: its host is drained, say."""
    empty: bool = False
    """Of what drains: nothing is on it any more."""
    bytes_per_second: float = 0.0
    held_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet's limits, and what the controller remembers from step to step."""

    limits: CacheFleet
    removing: bool = False
    failures: int = 0
    """Spawns that failed since one was offered."""
    failed: datetime | None = None
    halted_until: datetime | None = None
    grown: datetime | None = None
    shrunk: datetime | None = None
    patience: Patience = field(default=Patience())


@dataclass(frozen=True, slots=True)
class Standing:
    """All members of a fleet that are not proven gone, and the hosts of its scope."""

    members: Sequence[Member]
    hosts: Sequence[Host]
    listening: bool = False
    """Hosts are heard of since a moment only: who is silent may yet speak."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Order one more on this host."""

    host_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Place nothing new on it; it goes when copies have finished."""

    vm_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Undrain:
    """It is wanted after all."""

    vm_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Destroy:
    """Nobody needs it any more; ``failed`` counts as a failed spawn (``spawn_failed``)."""

    vm_id: str
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Halt:
    """Spawn nothing until then; told once."""

    until: datetime
    reason: str


Action = Spawn | Drain | Undrain | Destroy | Halt


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, what to remember, and what an operator reads of it."""

    actions: tuple[Action, ...]
    fleet: Fleet
    doing: str


def step(fleet: Fleet, standing: Standing, desired: DesiredCount, now: datetime) -> Step:
    """What a fleet does now; up and down alike, for as long as ``desired`` says the same."""
    members = [m for m in standing.members if m.state is not VmState.GONE]
    endings = tuple(end for m in members if (end := _ending(m, now)) is not None)
    serving = [m for m in members if serves(m, now)]
    fleet, halts = _halted(fleet, now)
    more = target(fleet, desired) - len(serving)
    if more > 0 and any(isinstance(each, Destroy) and each.failed for each in endings):
        turned = Step((), fleet, "a spawn has just failed")
    elif more > 0:
        turned = _grow(fleet, replace(standing, members=members), (more, desired.reason), now)
    elif more < 0:
        turned = _shrink(fleet, serving, (-more, desired.reason), now)
    else:
        turned = Step((), fleet, f"{len(serving)} are what is wanted: {desired.reason}")
    return Step((*endings, *halts, *turned.actions), turned.fleet, turned.doing)


def target(fleet: Fleet, desired: DesiredCount) -> int:
    """How many should serve: what is wanted and the warm spares, within the limits."""
    if fleet.removing:
        return 0
    limits = fleet.limits
    return min(limits.maximum, max(limits.minimum, desired.count) + limits.spare)


def serves(member: Member, now: datetime) -> bool:
    """Whether it serves, or will soon; the others still count against the ceiling."""
    if member.silent or member.doomed or member.retiring:
        return False
    if member.state in COMING:
        return not _overdue(member, now)
    return member.state is VmState.OFFERED


def spawn_failed(fleet: Fleet, now: datetime) -> Fleet:
    """The memory of a fleet after a VM that was never offered."""
    return replace(fleet, failures=fleet.failures + 1, failed=now)


def spawn_succeeded(fleet: Fleet) -> Fleet:
    """The memory of a fleet after a VM was offered."""
    return replace(fleet, failures=0, failed=None, halted_until=None)


def _overdue(member: Member, now: datetime) -> bool:
    """Of one whose host tells nothing, nobody knows: perhaps we are deaf."""
    return not member.silent and member.deadline is not None and member.deadline <= now


def _ending(member: Member, now: datetime) -> Action | None:
    """What ends a member whatever is wanted."""
    if member.state is VmState.DESTROYING:
        return None
    coming = member.state in COMING
    if member.doomed:
        return Destroy(member.id, member.doomed, failed=coming)
    if coming and _overdue(member, now):
        return Destroy(member.id, f"it was still {member.state} at its deadline", failed=True)
    if member.state is VmState.DRAINING:
        return Destroy(member.id, "it is drained") if member.empty else None
    if member.retiring:
        return Destroy(member.id, member.retiring) if coming else Drain(member.id, member.retiring)
    return None


def _halted(fleet: Fleet, now: datetime) -> tuple[Fleet, tuple[Action, ...]]:
    """Too many failures in a row stop spawning for a while; the first one after it again."""
    failed, since = fleet.failed, fleet.halted_until
    if failed is None or fleet.failures < fleet.patience.breaker_failures:
        return fleet, ()
    if since is not None and failed < since:
        return fleet, ()
    until = now + timedelta(seconds=fleet.patience.halt_seconds)
    why = f"{fleet.failures} VMs in a row were never offered"
    return replace(fleet, halted_until=until), (Halt(until, why),)


def _grow(fleet: Fleet, standing: Standing, wanted: tuple[int, str], now: datetime) -> Step:
    more, reason = wanted
    until = _later(fleet.shrunk, fleet.limits.cool_down_seconds)
    if until > now:
        return Step((), fleet, f"{more} more are wanted; cooling down until {until:%H:%M:%S}")
    back = _undrained(standing.members, more, reason)
    count, why = _may_spawn(fleet, standing, more - len(back), now)
    spawns = _spawns(standing.hosts, fleet, (count, reason), now)
    actions: tuple[Action, ...] = (*back, *spawns)
    doing = f"{len(back)} are taken back and {len(spawns)} spawned: {reason}"
    if not actions:
        doing = why or f"{more} more are wanted; no host: {_refusals(standing.hosts, fleet, now)}"
    return Step(actions, replace(fleet, grown=now) if actions else fleet, doing)


def _undrained(members: Sequence[Member], more: int, reason: str) -> tuple[Undrain, ...]:
    kept = [m for m in members if m.state is VmState.DRAINING and not m.empty]
    well = [m for m in kept if not (m.silent or m.doomed or m.retiring)]
    best = sorted(well, key=lambda m: (-m.bytes_per_second, -m.held_bytes, m.id))
    return tuple(Undrain(m.id, reason) for m in best[:more])


def _may_spawn(fleet: Fleet, standing: Standing, more: int, now: datetime) -> tuple[int, str]:
    """How many, and why fewer: halted, backing off, trying one, at the ceiling."""
    if fleet.halted_until is not None and now < fleet.halted_until:
        return 0, f"halted until {fleet.halted_until:%H:%M:%S}: {fleet.failures} spawns failed"
    until = fleet.patience.until(fleet.failures, fleet.failed)
    if until > now:
        return 0, f"{fleet.failures} spawns failed; tried again at {until:%H:%M:%S}"
    if standing.listening and any(m.silent for m in standing.members):
        return 0, f"{more} more are wanted; hosts are just being heard again"
    room = fleet.limits.maximum - len(standing.members)
    if room <= 0:
        return 0, f"{more} more are wanted; {len(standing.members)} are not proven gone"
    if fleet.failures:
        on_trial = any(m.state in COMING for m in standing.members)
        return (0, "one is tried after failures") if on_trial else (min(1, more), "")
    return min(more, room), ""


def _spawns(
    hosts: Sequence[Host], fleet: Fleet, wanted: tuple[int, str], now: datetime
) -> tuple[Spawn, ...]:
    count, reason = wanted
    if count <= 0:
        return ()
    open_hosts = [host for host in hosts if not able(host, fleet.limits.vm, fleet.patience, now)]
    chosen = roomiest(open_hosts, fleet.limits.vm, count)
    return tuple(Spawn(host_id, reason) for host_id in chosen)


def _refusals(hosts: Sequence[Host], fleet: Fleet, now: datetime) -> str:
    told = [f"{h.id} {able(h, fleet.limits.vm, fleet.patience, now)}" for h in hosts[:10]]
    return "; ".join(told) or "none in its scope runs transport VMs"


def _shrink(
    fleet: Fleet, serving: Sequence[Member], wanted: tuple[int, str], now: datetime
) -> Step:
    """Limits that were passed, and removals, wait for nothing; the rest has its time."""
    fewer, reason = wanted
    most = 0 if fleet.removing else fleet.limits.maximum
    at_once = max(0, len(serving) - most)
    cooling = _later(fleet.grown, fleet.limits.cool_down_seconds)
    ripe = [m for m in serving if cooling <= now and _ripe(m, fleet, now)]
    going = sorted(ripe, key=_dispensable)[:fewer]
    if len(going) < at_once:
        going = sorted(serving, key=_dispensable)[:at_once]
    actions = tuple(_leave(m, "the fleet is removed" if fleet.removing else reason) for m in going)
    if actions:
        doing = f"{len(actions)} of {len(serving)} go: {reason}"
        return Step(actions, replace(fleet, shrunk=now), doing)
    why = (
        f"cooling down until {cooling:%H:%M:%S}" if cooling > now else "none has lived long enough"
    )
    return Step((), fleet, f"{fewer} fewer are wanted; {why}")


def _ripe(member: Member, fleet: Fleet, now: datetime) -> bool:
    if member.state in COMING:
        return True
    return _later(member.offered, fleet.limits.min_life_seconds) <= now


def _dispensable(member: Member) -> tuple[bool, float, int, float, str]:
    """What never served goes first, then what is least used, then the youngest."""
    used = member.bytes_per_second, member.held_bytes
    return member.state is VmState.OFFERED, *used, -member.ordered.timestamp(), member.id


def _leave(member: Member, reason: str) -> Action:
    if member.state in COMING:
        return Destroy(member.id, reason)
    return Drain(member.id, reason)


def _later(since: datetime | None, seconds: float) -> datetime:
    """Never is over."""
    if since is None:
        return NEVER
    return since + timedelta(seconds=seconds)
