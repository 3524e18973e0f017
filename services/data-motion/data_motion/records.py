"""What the database keeps: each record's fields are its table's columns."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from stowage_contracts.caching import CacheFleetView
from stowage_contracts.errors import Problem
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import MotionPlan
from stowage_contracts.values import (
    CacheUse,
    CopyEnd,
    Digest,
    HopMethod,
    HypervisorKind,
    Id,
    Instant,
    Location,
    ObjectRef,
    Range,
    Receipt,
    ScopeType,
    ServiceName,
    StoreRole,
    Transfer,
    Value,
)
from stowage_contracts.views import Moment, StoreView, StrategyAnswer

from data_motion.model.states import AskerState, CopyState, HopState, ended


class Record(Value):
    """A row."""

    def having(self, **changes: Any) -> Self:
        """The same row with some columns changed."""
        return self.model_copy(update=changes)


class CopyRecord(Record):
    """One transfer, whoever asked for it; its id is the first asker's."""

    id: Id
    source_key: str
    destination_key: str
    state: CopyState = CopyState.REQUESTED
    request: CopyRequested
    account_id: Id
    priority: int
    strategy: str = ""
    answers: tuple[StrategyAnswer, ...] = ()
    plan: MotionPlan = MotionPlan(hops=())
    waiting_for: str = ""
    cancelling: str = ""
    """Why it ends after the commit that is under way; empty when it goes on."""
    paused: str = ""
    """Why it is paused; empty when it is not."""
    bytes_per_second: int | None = None
    """Most its hops may move each second; None is unlimited."""
    timeline: tuple[Moment, ...] = ()
    transfer: Transfer = Transfer()
    signalled: Instant | None = None
    digest: Digest | None = None
    error: Problem | None = None
    created: Instant
    deadline: Instant | None = None
    """Until when space on a cache is waited for."""
    finished: Instant | None = None
    awaits_cache: bool = False
    """The caches are asked where it is to be staged; a hop that read another one lies idle."""
    avoids: tuple[Id, ...] = ()
    """Cache stores that were lost to it, the newest last."""
    restaged: int = 0
    """How often a cache failed it, rather than was taken away by its owner."""


class AskerRecord(Record):
    """One public copy that shares the transfer."""

    id: Id
    copy_id: Id
    account_id: Id
    object: ObjectRef
    destination: CopyEnd
    state: AskerState = AskerState.ACTIVE
    created: Instant


class Feeder(Value):
    """A hop that another one reads from, at its agent."""

    hop_id: Id
    host_id: Id
    door: str
    """Base URL at which its agent serves what has arrived."""


class HopRecord(Record):
    """One physical transfer, leased to at most one agent."""

    id: Id
    copy_id: Id
    ordinal: int
    state: HopState = HopState.PENDING
    source: CopyEnd
    destination: CopyEnd
    must_run_on: Id | None = None
    method: HopMethod = HopMethod.COPY
    fed_by: tuple[Feeder, ...] = ()
    """Hops of the same bytes at other agents, which it reads from instead of the origin."""
    yielding: str = ""
    """Why its agent was asked to stop at the edge of a range: paused, pre-empted, drained…
    Kept while it waits for its next agent."""
    yields_to: Id | None = None
    """The hop that gets its slot."""
    host_id: Id | None = None
    """The agent that holds the lease, or the last one that did."""
    boot_id: Id | None = None
    endpoint_reason: str = ""
    cache_reason: str = ""
    """Why the caches chose the store that one end is on."""
    epoch: int = 0
    generation: int = 1
    attempts: int = 0
    """Tries in a row that brought no new byte."""
    excluded: tuple[Id, ...] = ()
    """Agents on which it failed for reasons of their own; never tried again."""
    avoided: tuple[Id, ...] = ()
    """Agents that lost it; tried again only when nobody else can."""
    preferred: Id | None = None
    slots: tuple[str, ...] = ()
    blocked_on: tuple[str, ...] | None = None
    """Slots of which at least one must be free before it is looked at again."""
    retry_at: Instant | None = None
    """When it may be offered; None until the hop before it is committed."""
    lease_until: Instant | None = None
    unreachable_since: Instant | None = None
    deadline: Instant | None = None
    nudge_at: Instant | None = None
    """When to say again what may have been lost: the commit, or that a pin is needed."""
    bytes_best: int = 0
    bytes_at: Instant | None = None
    transfer: Transfer = Transfer()
    journaled: tuple[Range, ...] = ()
    receipt: Receipt | None = None
    error: Problem | None = None
    due: Instant | None = None
    """When the sweeper must look, if nothing happens before."""

    @property
    def by_store(self) -> bool:
        """Whether its store makes the destination itself, without an agent."""
        at_image_store = self.destination.grant.owner is ServiceName.IMAGE_STORE
        return self.method is HopMethod.CLONE and at_image_store

    @property
    def fills(self) -> bool:
        """Whether it writes a cache entry."""
        return self.destination.role is StoreRole.IMAGE_CACHE

    @property
    def reads_cache(self) -> bool:
        """Whether it reads a cache entry."""
        return self.source.role is StoreRole.IMAGE_CACHE

    @property
    def converts(self) -> bool:
        """Whether the destination's bytes differ from the source's."""
        return self.source.format is not self.destination.format

    @property
    def tied_to(self) -> str | None:
        """The one host that can reach both ends, if there is only one."""
        for end in (self.destination, self.source):
            if end.scope.type is ScopeType.HOST:
                return end.scope.id
        return self.must_run_on


class AgentRecord(Record):
    """An agent as it declared itself, and when it was last heard."""

    host_id: Id
    location: Location
    abilities: HostAbilities
    boot_id: Id
    seen: Instant
    draining: str = ""
    """Why it is given nothing new; empty when it is."""
    drain_left: int | None = None
    """Hops it still held when that was last told; None when it does not drain."""
    drain_sequence: int = 0
    """Number of the newest order to drain or to end that."""


class PolicyRecord(Record):
    """Which strategies an operator wants in a zone; ``default`` where no other holds."""

    id: Id
    pin: str = ""
    forbid: tuple[str, ...] = ()
    caches: CacheUse = CacheUse.WHEN_REQUIRED
    caches_of: dict[HypervisorKind, CacheUse] = {}

    @property
    def uses(self) -> tuple[CacheUse, ...]:
        """Every use of caches it has."""
        return (self.caches, *self.caches_of.values())


class FleetRecord(Record):
    """A fleet of transport VMs as its owner last described it."""

    id: Id
    view: CacheFleetView
    sequence: int


class StoreRecord(Record):
    """A store as its owner last described it."""

    id: Id
    view: StoreView
    sequence: int
    removed: Instant | None = None
    """When it was told to be gone."""


@dataclass(frozen=True)
class Job:
    """A copy with everything that belongs to it: the unit that is locked, changed and saved."""

    copy: CopyRecord
    askers: tuple[AskerRecord, ...]
    hops: tuple[HopRecord, ...] = ()

    @property
    def live(self) -> bool:
        """Whether anything can still happen."""
        return not ended(self.copy.state)

    @property
    def active(self) -> tuple[AskerRecord, ...]:
        """Askers that still want it."""
        return tuple(a for a in self.askers if a.state is AskerState.ACTIVE)

    @property
    def current(self) -> HopRecord | None:
        """The first hop that is not over."""
        return next((hop for hop in self.hops if not ended(hop.state)), None)

    @property
    def counted(self) -> tuple[HopRecord, ...]:
        """Hops of the way the bytes go now: a fill counts only where another hop reads it."""
        last = max((hop.ordinal for hop in self.hops), default=0)
        read = {hop.source.store_id for hop in self.hops if hop.reads_cache}
        return tuple(
            hop
            for hop in self.hops
            if hop.ordinal == last or (hop.ordinal == last - 1 and hop.destination.store_id in read)
        )

    def hop(self, hop_id: str) -> HopRecord | None:
        """The hop of that id, if it is one of this copy."""
        return next((hop for hop in self.hops if hop.id == hop_id), None)

    def with_hops(self, hops: Iterable[HopRecord]) -> "Job":
        """The same with these hops put in place of those of equal id, or added."""
        by_id = {hop.id: hop for hop in (*self.hops, *hops)}
        return replace(self, hops=tuple(sorted(by_id.values(), key=lambda hop: hop.ordinal)))
