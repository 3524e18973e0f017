"""Caches as the bus and the API tell them: entries, fleets, transport VMs, decisions."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from stowage_contracts.errors import Problem
from stowage_contracts.values import (
    Bytes,
    Digest,
    Id,
    ImageFormat,
    Instant,
    Name,
    ObjectRef,
    Scope,
    ScopeType,
    Value,
)
from stowage_contracts.views import DesiredCount

MEBI, GIBI = 1 << 20, 1 << 30
YEAR = 366 * 86_400.0
"""Longest time of a setting, in seconds."""
Seconds = Annotated[float, Field(ge=0, le=YEAR)]
PositiveSeconds = Annotated[float, Field(gt=0, le=YEAR)]


class EntryView(Value):
    """One object on one cache store."""

    id: Id
    store_id: Id
    object: ObjectRef
    digest: Digest
    format: ImageFormat
    size: Bytes
    state: str
    """reserved, filling, ready or evicting."""
    pinned_by: tuple[Id, ...] = ()
    """Copies that need it now."""
    held_until: Instant | None = None
    hits: int = 0
    last_used: Instant
    created: Instant


class Decision(Value):
    """One thing that was decided, and why."""

    at: Instant
    kind: str
    """place, evict, load, desired, spawn, drain, destroy, halt…"""
    subject: str
    """What it is about: ``copy/…``, ``store/…``, ``entry/…``, ``cache_fleet/…``."""
    reason: str
    details: dict[str, Any] = {}
    """The figures it rests on; for a placement every candidate with its rank."""


def _written(network: Any) -> Any:
    """A number would be the address that it is inside."""
    if isinstance(network, int | float):
        raise ValueError("a network is written as in 10.0.0.0/16")
    return network


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_written)]


class VmSpec(Value):
    """What a transport VM is made with."""

    memory_bytes: Annotated[int, Field(ge=64 * MEBI, le=1 << 44)] = 256 * MEBI
    disk_bytes: Annotated[int, Field(ge=16 * MEBI, le=1 << 50)] = 32 * GIBI
    """Data disk; sparse where the host can."""
    clients: Annotated[tuple[Network, ...], Field(max_length=64)] = ()
    """Who may mount its export, beside the host it runs on; a VM of a production fleet names
    the storage network of its scope."""


class VmPhase(StrEnum):
    """A VM as its host sees it."""

    STARTING = "starting"
    READY = "ready"
    """A real mount and lookup were answered."""
    UNWELL = "unwell"
    """It runs, and does not answer."""
    FAILED = "failed"
    """It could not be made, or ended by itself; nothing of it runs any more."""
    GONE = "gone"


class VmFacts(Value):
    """One transport VM, as its host tells."""

    vm_id: Id
    fleet_id: Id
    phase: VmPhase
    url: str = ""
    """``nfs://<address>/<export>``, once it serves."""
    memory_bytes: Bytes = 0
    """What its process holds on the host."""
    disk_bytes: Bytes = 0
    disk_used_bytes: Bytes = 0
    """What its data disk holds on the host."""
    started: Instant | None = None
    boot_seconds: float | None = None
    """From the order until it served."""
    error: Problem | None = None


class VmState(StrEnum):
    """A transport VM as its owner tells it; the table of transitions is cache-autoscaler's."""

    ORDERED = "ordered"
    """An agent was asked to spawn it."""
    STARTING = "starting"
    PROBING = "probing"
    """It serves; its cache store has yet to prove itself by a real write and read."""
    OFFERED = "offered"
    DRAINING = "draining"
    """Nothing new is placed on it; what copies need is finished."""
    DESTROYING = "destroying"
    GONE = "gone"
    """Proven: its host said so."""

    @property
    def leaving(self) -> bool:
        """Whether it serves nothing new any more."""
        return self in {VmState.DRAINING, VmState.DESTROYING, VmState.GONE}


class TransportVmView(Value):
    """One transport VM; the cache store on it has the same id."""

    id: Id
    fleet_id: Id
    host_id: Id
    state: VmState
    reason: str = ""
    """Why it was spawned, or is being destroyed."""
    url: str = ""
    memory_bytes: Bytes = 0
    disk_bytes: Bytes = 0
    silent_since: Instant | None = None
    """Its host tells nothing: it counts until it is proven gone."""
    ordered: Instant
    offered: Instant | None = None
    error: Problem | None = None


class FleetPlace(Value):
    """Which fleet, and where it lives."""

    id: Id
    name: Name
    scope: Scope

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.scope.type is ScopeType.REGION:
            raise ValueError("a fleet lives in a zone, pod, cluster or host")
        return self


class FleetLimits(Value):
    """Within what a fleet's VMs come and go, and what they are made with."""

    strategy: str = ""
    """AutoscaleStrategy; empty is the service's own default."""
    minimum: Annotated[int, Field(ge=0, le=1000)] = 0
    maximum: Annotated[int, Field(ge=0, le=1000)] = 4
    """Hard: every VM not proven gone counts."""
    spare: Annotated[int, Field(ge=0, le=100)] = 0
    """Idle VMs kept warm beyond what is wanted."""
    vm: VmSpec = VmSpec()
    min_life_seconds: Seconds = 300
    """A VM offered for less is not drained."""
    cool_down_seconds: Seconds = 120
    """Between a change of the count and one the other way."""
    drain_seconds: PositiveSeconds = 3600
    """After it a drain that copies still hold is told as late; they are never aborted."""
    deadline_seconds: PositiveSeconds = 600
    """What is queued is to be through within this."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self


class CacheFleet(FleetLimits, FleetPlace):
    """Transport VMs of one scope and the limits within which they come and go."""


class CacheFleetView(CacheFleet):
    """A fleet and how it stands."""

    desired: DesiredCount | None = None
    members: int = 0
    """VMs not proven gone."""
    offered: int = 0
    backlog_bytes: Bytes = 0
    halted_until: Instant | None = None
    error: Problem | None = None
    removing: bool = False


class StrategySays(Value):
    """What one strategy would want of a fleet."""

    strategy: str
    desired: DesiredCount | None = None
    error: str = ""


class Demand(Value):
    """One point of a made-up day."""

    seconds: Annotated[float, Field(ge=0)]
    """Since its beginning, rising."""
    wanted_bytes: Bytes
    """Bytes that came to be wanted since the point before."""


class FleetStep(Value):
    """How a simulated fleet stood at one time."""

    seconds: float
    members: int
    offered: int
    desired: int
    backlog_bytes: Bytes
    reason: str
