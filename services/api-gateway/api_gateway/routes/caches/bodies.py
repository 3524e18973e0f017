"""What callers say of fleets: strict, and within what a database keeps."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from stowage_contracts.caching import GIBI, MEBI, CacheFleet, Demand, VmSpec
from stowage_contracts.values import Bytes, Id, Name, Scope, ScopeType

from api_gateway.bodies import Given
from api_gateway.routes.policies import Strategy

MOST_CLIENTS = 64
MOST_POINTS = 2000
MOST_BYTES = 1 << 60
YEAR = 366 * 86_400.0
"""Longest time of a setting, in seconds."""
Seconds = Annotated[float, Field(ge=0, le=YEAR)]


class NewVm(Given):
    """What each of its transport VMs is made with."""

    memory_bytes: int = Field(default=256 * MEBI, ge=64 * MEBI, le=1 << 44)
    disk_bytes: int = Field(default=32 * GIBI, ge=16 * MEBI, le=1 << 50)
    """Data disk; sparse where the host can."""
    clients: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), max_length=MOST_CLIENTS)
    """Who may mount its export, beside the host it runs on."""


class NewFleet(Given):
    """Transport VMs of one scope and the limits within which they come and go."""

    name: Name
    scope: Literal[ScopeType.ZONE, ScopeType.POD, ScopeType.CLUSTER, ScopeType.HOST]
    scope_id: Id
    """The zone, pod, cluster or host the scope names."""
    strategy: Strategy | Literal[""] = ""
    """AutoscaleStrategy; empty is the service's own default."""
    minimum: int = Field(default=0, ge=0, le=1000)
    maximum: int = Field(default=4, ge=0, le=1000)
    """Hard: every VM not proven gone counts."""
    spare: int = Field(default=0, ge=0, le=100)
    """Idle VMs kept warm beyond what is wanted."""
    vm: NewVm = NewVm()
    min_life_seconds: Seconds = 300
    """A VM offered for less is not drained."""
    cool_down_seconds: Seconds = 120
    """Between a change of the count and one the other way."""
    drain_seconds: float = Field(default=3600, gt=0, le=YEAR)
    """After it a drain that copies still hold is told as late; they are never aborted."""
    deadline_seconds: float = Field(default=600, gt=0, le=YEAR)
    """What is queued is to be through within this."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self

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
