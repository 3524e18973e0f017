"""What callers say of fleets: strict, and within what a database keeps."""

from typing import Literal, Self

from pydantic import Field, model_validator
from stowage_contracts.caching import CacheFleet, Demand, FleetLimits, Seconds, VmSpec
from stowage_contracts.values import Bytes, Id, Name, Scope, ScopeType

from api_gateway.bodies import Given
from api_gateway.routes.policies import Strategy

MOST_POINTS = 2000
MOST_BYTES = 1 << 60


class NewVm(VmSpec, Given):
    """What each of its transport VMs is made with."""


class NewFleet(FleetLimits, Given):
    """Transport VMs of one scope and the limits within which they come and go."""

    name: Name
    scope: Literal[ScopeType.ZONE, ScopeType.POD, ScopeType.CLUSTER, ScopeType.HOST]
    scope_id: Id
    """The zone, pod, cluster or host the scope names."""
    strategy: Strategy | Literal[""] = ""
    vm: NewVm = NewVm()

    def fleet(self, id: str, scope: Scope) -> CacheFleet:
        """It, as its owner is told."""
        fields = {**dict(self), "vm": VmSpec(**dict(self.vm)), "scope": scope}
        fields.pop("scope_id")
        return CacheFleet(id=id, **fields)


class Point(Given):
    """Bytes that came to be wanted since the point before."""

    seconds: Seconds
    """Since the day began."""
    wanted_bytes: Bytes = Field(le=MOST_BYTES)


class Trial(Given):
    """A made-up day on which a fleet's settings are tried."""

    fleet: NewFleet | None = None
    """Settings to try; the fleet's own when missing."""
    demand: tuple[Point, ...] = Field(min_length=1, max_length=MOST_POINTS)
    vm_bytes_per_second: float = Field(default=100e6, ge=1, le=1e12)
    """What one VM serves."""
    spawn_seconds: Seconds = 60
    """From the order until a VM is offered."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        times = [point.seconds for point in self.demand]
        if times != sorted(times):
            raise ValueError("the seconds of demand must rise")
        return self

    @property
    def points(self) -> tuple[Demand, ...]:
        """The day, as its owner is told."""
        return tuple(Demand(**dict(point)) for point in self.demand)
