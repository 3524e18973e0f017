"""Cache fleets and their transport VMs: wished for, scaled, explained, tried out."""

from stowage_contracts.caching import (
    CacheFleet,
    CacheFleetView,
    Decision,
    Demand,
    FleetStep,
    StrategySays,
    TransportVmView,
)
from stowage_contracts.message import Resource
from stowage_contracts.messages.cache_autoscaler.words import Command, Event, Reply, Request
from stowage_contracts.values import Id


class SetCacheFleet(Command, subject="cache_fleet/{fleet.id}"):
    """Let transport VMs of one scope come and go within these limits."""

    fleet: CacheFleet


class RemoveCacheFleet(Command, subject="cache_fleet/{fleet_id}"):
    """Drain and destroy its VMs, then forget it."""

    fleet_id: Id


class _FleetEvent(Event):
    state: CacheFleetView

    @property
    def resource(self) -> Resource | None:
        return Resource(
            noun="cache_fleet",
            id=self.state.id,
            state=self.state.model_dump(mode="json"),
            removed=isinstance(self, CacheFleetRemoved),
        )


class CacheFleetChanged(_FleetEvent, subject="cache_fleet/{state.id}"):
    """Its settings, its wanted count or its number of members changed."""


class CacheFleetHalted(_FleetEvent, subject="cache_fleet/{state.id}"):
    """Spawning failed again and again: nothing is spawned for a while; ``error`` says why."""


class CacheFleetRemoved(_FleetEvent, subject="cache_fleet/{state.id}"):
    """It is gone, and all its VMs are proven gone."""


class _VmEvent(Event):
    state: TransportVmView

    @property
    def resource(self) -> Resource | None:
        return Resource(
            noun="transport_vm",
            id=self.state.id,
            state=self.state.model_dump(mode="json"),
            removed=isinstance(self, TransportVmRemoved),
        )


class TransportVmChanged(_VmEvent, subject="transport_vm/{state.id}"):
    """A VM went on in its life."""


class TransportVmRemoved(_VmEvent, subject="transport_vm/{state.id}"):
    """A VM is proven gone."""


class ExplainFleet(Request, subject="cache_fleet/{fleet_id}"):
    """What every strategy would want of a fleet now, and what was decided lately."""

    fleet_id: Id


class FleetExplained(Reply, subject="cache_fleet/{fleet_id}"):
    """The first answer is of the fleet's own strategy."""

    fleet_id: Id
    answers: tuple[StrategySays, ...]
    doing: str
    """What the controller does about it now, or what it waits for."""
    decisions: tuple[Decision, ...] = ()


class SimulateFleet(Request, subject="cache_fleet/{fleet.id}"):
    """Try a fleet's settings on a made-up day in virtual time; nothing is spawned."""

    fleet: CacheFleet
    demand: tuple[Demand, ...]
    """At most 2,000; bytes that come to be wanted between one and the next."""
    vm_bytes_per_second: float = 100e6
    spawn_seconds: float = 60


class FleetSimulated(Reply, subject="cache_fleet/{fleet_id}"):
    """What it would have done."""

    fleet_id: Id
    steps: tuple[FleetStep, ...]
    """One for each change of the number of VMs, and the last."""
    p95_wait_seconds: float
    vm_hours: float
    flaps: int
    """Spawns within a cool-down of a destruction, and the other way round."""
    most: int
