"""Public states of the nouns, as events carry them and the API shows them."""

from typing import Any

from stowage_contracts.errors import Problem
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.values import (
    Bytes,
    CacheUse,
    Digest,
    HopMethod,
    HostState,
    HypervisorKind,
    Id,
    ImageFormat,
    Instant,
    Location,
    Name,
    ObjectRef,
    ReplicaState,
    Scope,
    ScopeType,
    StoreRole,
    StoreState,
    Transfer,
    Value,
)


class ZoneView(Value):
    """A zone."""

    id: Id
    name: Name


class PodView(Value):
    """A pod of a zone."""

    id: Id
    name: Name
    zone_id: Id


class ClusterView(Value):
    """A cluster of a pod; all its hosts run one hypervisor."""

    id: Id
    name: Name
    pod_id: Id
    zone_id: Id
    hypervisor: HypervisorKind


class HostDrain(Value):
    """A host whose agent is given nothing new."""

    reason: str
    hops_left: int
    """What it still moves or commits; at 0 the agent may be stopped."""


class HostView(Value):
    """A host (or plain mover) and what its agent declared."""

    id: Id
    name: Name
    location: Location
    hypervisor: HypervisorKind
    state: HostState
    abilities: HostAbilities | None = None
    pools: tuple[PoolView, ...] = ()
    drain: HostDrain | None = None


class ProbeCheck(Value):
    """One step of a store's probe."""

    name: str
    ok: bool
    code: str = ""
    cause: str = ""


class EvacuationView(Value):
    """How far a store has been emptied."""

    removes: bool
    objects_total: int
    objects_left: int
    bytes_total: Bytes
    bytes_left: Bytes
    blockers: tuple[Problem, ...] = ()
    """Objects that can't be moved now and why; twenty at most."""
    started: Instant
    id: Id | None = None
    """As its asker named it."""
    to_store_ids: tuple[Id, ...] = ()
    """Only these stores take what leaves; any when empty."""


class EvacuationEnd(Value):
    """How a store's last evacuation ended."""

    id: Id | None = None
    empty: bool
    """Nothing was left; else it was stopped."""
    at: Instant


class InventoryView(Value):
    """What the last whole comparison of a store with the catalogue found."""

    scanned: Instant
    objects: int
    orphans: int
    missing: int
    mismatched: int
    open_writes: int


class ProviderView(Value):
    """A provider that stores can be made with; ``settings`` is the form to fill in."""

    id: Id
    name: Name
    roles: tuple[StoreRole, ...]
    scopes: tuple[ScopeType, ...]
    settings: dict[str, Any]
    """JSON Schema; secret fields are ``writeOnly``."""


class StoreView(Value):
    """A data store of any role; settings are shown without secrets."""

    id: Id
    name: Name
    provider: str
    role: StoreRole
    scope: Scope
    state: StoreState
    settings: dict[str, Any] = {}
    total_bytes: Bytes | None = None
    used_bytes: Bytes | None = None
    reserved_bytes: Bytes = 0
    measured: Instant | None = None
    """When ``total_bytes`` and ``used_bytes`` were told by the store."""
    tags: tuple[Name, ...] = ()
    can: tuple[str, ...] = ()
    """Optional abilities of its driver, by their names in DriverAbilities."""
    checks: tuple[ProbeCheck, ...] = ()
    evacuation: EvacuationView | None = None
    evacuated: EvacuationEnd | None = None
    inventory: InventoryView | None = None
    error: Problem | None = None


class StrategyAnswer(Value):
    """What one strategy said of one copy."""

    strategy: str
    priority: int
    reason: str
    missing: str = ""
    chosen: bool = False


class InstallView(Value):
    """How a volume is made of its template on a pool, and why so."""

    strategy: str
    method: HopMethod
    stands_on: Id | None = None
    """Template whose copy on the same pool it needs for as long as it lives."""
    answers: tuple[StrategyAnswer, ...] = ()


class ReplicaView(Value):
    """One object on one store."""

    store_id: Id
    role: StoreRole
    state: ReplicaState
    size: Bytes | None = None
    digest: Digest | None = None
    copy_id: Id | None = None
    in_place: bool = False
    """The bytes were there before and stay when the replica is deleted."""
    verified: Instant | None = None
    """When all its bytes were last read and found to be those of the digest."""
    install: InstallView | None = None
    error: Problem | None = None
    updated: Instant | None = None


class ZoneReady(Value):
    """Whether an object can be read in a zone it is wished for."""

    zone_id: Id
    ready: bool


class ObjectView(Value):
    """An object with all its replicas; ready where at least one of them is."""

    id: Id
    account_id: Id
    name: Name
    kind: str
    format: ImageFormat
    scope: Scope
    zones: tuple[ZoneReady, ...] = ()
    checksum: Digest | None = None
    upload: bool = False
    """Its owner sends the bytes."""
    ready: bool = False
    size: Bytes | None = None
    virtual_size: Bytes | None = None
    digest: Digest | None = None
    tags: tuple[Name, ...] = ()
    min_copies: int = 1
    max_copies: int | None = None
    replicas: tuple[ReplicaView, ...] = ()
    error: Problem | None = None
    removed: bool = False
    created: Instant


class TemplateView(ObjectView):
    """A template or ISO."""

    kind: str = "template"
    hypervisor: HypervisorKind


class VolumeView(ObjectView):
    """A volume, on image stores, on a primary pool, or both."""

    kind: str = "volume"
    template_id: Id | None = None
    """What it was made of."""


class SnapshotView(ObjectView):
    """A snapshot."""

    kind: str = "snapshot"
    volume_id: Id | None = None
    parent_id: Id | None = None


class Moment(Value):
    """One line of a copy's timeline."""

    at: Instant
    what: str
    """One word: requested, planned, waiting, moving, yielded, lost, committed, done…"""
    text: str = ""
    """Who, where and why, as an operator reads it."""


class HopView(Value):
    """One physical transfer inside a copy."""

    id: Id
    order: int
    state: str
    source: str
    destination: str
    host_id: Id | None = None
    endpoint_reason: str = ""
    cache_reason: str = ""
    """Why it goes through this cache store; empty for hops that use none."""
    method: HopMethod = HopMethod.COPY
    fed_by: tuple[Id, ...] = ()
    """Hosts it reads from instead of the origin."""
    bytes_fed: Bytes = 0
    """Bytes that came from them, once its bytes were verified."""
    epoch: int = 0
    attempts: int = 0
    transfer: Transfer = Transfer()
    error: Problem | None = None


class CopyView(Value):
    """A copy (the job) as its asker sees it."""

    id: Id
    account_id: Id
    object: ObjectRef
    source: str
    destination: str
    destination_store_id: Id | None = None
    state: str
    leader_id: Id
    """The copy whose transfer this one shares; its own id when it leads."""
    strategy: str = ""
    answers: tuple[StrategyAnswer, ...] = ()
    hops: tuple[HopView, ...] = ()
    transfer: Transfer = Transfer()
    waiting_for: str = ""
    paused: str = ""
    """Why it is paused; empty when it is not."""
    priority: int = 0
    bytes_per_second: Bytes | None = None
    """Most its hops may move each second; None is unlimited."""
    timeline: tuple[Moment, ...] = ()
    """What happened, oldest first; the first and the last hundred of many."""
    digest: Digest | None = None
    error: Problem | None = None
    created: Instant
    finished: Instant | None = None


class MotionPolicyView(Value):
    """Which strategies an operator wants in a zone; the id is the zone's, or ``default``."""

    id: Id
    pin: str = ""
    """The only strategy that may be used; empty lets the best one win."""
    forbid: tuple[str, ...] = ()
    caches: CacheUse = CacheUse.WHEN_REQUIRED
    caches_of: dict[HypervisorKind, CacheUse] = {}
    """Another use for copies to hosts of these hypervisors."""


class CacheLoad(Value):
    """Load of one cache store against what it has shown it can do."""

    store_id: Id
    bytes_per_second: float = 0.0
    shown_bytes_per_second: float = 0.0
    streams: int = 0
    used_bytes: Bytes = 0
    total_bytes: Bytes = 0
    backlog_bytes: Bytes = 0
    latency_seconds: float = 0.0
    """How long a part took of late, as those who use it saw; 0 where nobody told."""


class DesiredCount(Value):
    """What an autoscale strategy wants, and why."""

    count: int
    reason: str
    strategy: str = ""
