"""Public states of the nouns, as events carry them and the API shows them."""

from typing import Any

from stowage_contracts.errors import Problem
from stowage_contracts.values import (
    Bytes,
    Digest,
    HostAbilities,
    HostState,
    HypervisorKind,
    Id,
    ImageFormat,
    Instant,
    Location,
    Name,
    ObjectRef,
    PoolView,
    ReplicaState,
    Scope,
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


class HostView(Value):
    """A host (or plain mover) and what its agent declared."""

    id: Id
    name: Name
    location: Location
    hypervisor: HypervisorKind
    state: HostState
    abilities: HostAbilities | None = None
    pools: tuple[PoolView, ...] = ()


class ProbeCheck(Value):
    """One step of a store's probe."""

    name: str
    ok: bool
    code: str = ""
    cause: str = ""


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
    checks: tuple[ProbeCheck, ...] = ()
    error: Problem | None = None


class ReplicaView(Value):
    """One object on one store."""

    store_id: Id
    role: StoreRole
    state: ReplicaState
    size: Bytes | None = None
    digest: Digest | None = None
    copy_id: Id | None = None
    error: Problem | None = None
    updated: Instant | None = None


class TemplateView(Value):
    """A template or ISO with all its replicas; ready where at least one of them is."""

    id: Id
    account_id: Id
    name: Name
    kind: str = "template"
    format: ImageFormat
    hypervisor: HypervisorKind
    scope: Scope
    checksum: Digest | None = None
    ready: bool = False
    size: Bytes | None = None
    virtual_size: Bytes | None = None
    digest: Digest | None = None
    replicas: tuple[ReplicaView, ...] = ()
    error: Problem | None = None
    removed: bool = False
    created: Instant


class StrategyAnswer(Value):
    """What one strategy said of one copy."""

    strategy: str
    priority: int
    reason: str
    missing: str = ""
    chosen: bool = False


class HopView(Value):
    """One physical transfer inside a copy."""

    id: Id
    order: int
    state: str
    source: str
    destination: str
    host_id: Id | None = None
    endpoint_reason: str = ""
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
    digest: Digest | None = None
    error: Problem | None = None
    created: Instant
    finished: Instant | None = None


class CacheLoad(Value):
    """Load of one cache store against what it has shown it can do."""

    store_id: Id
    bytes_per_second: float = 0.0
    shown_bytes_per_second: float = 0.0
    streams: int = 0
    used_bytes: Bytes = 0
    total_bytes: Bytes = 0
    backlog_bytes: Bytes = 0


class DesiredCount(Value):
    """What an autoscale strategy wants, and why."""

    count: int
    reason: str
    strategy: str = ""
