"""DataMotionStrategy: whether and how to carry bytes from one end to another."""

from enum import IntEnum
from typing import Protocol

from stowage_contracts.caching import CacheFleetView
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import CacheUse, HopMethod, Id, Location, Value
from stowage_contracts.views import StoreView


class Priority(IntEnum):
    """CloudStack's StrategyPriority, lowest first."""

    CANT_HANDLE = 0
    DEFAULT = 1
    HYPERVISOR = 2
    PLUGIN = 3
    HIGHEST = 4


class AgentView(Value):
    """An agent that could execute a hop."""

    host_id: Id
    location: Location
    abilities: HostAbilities
    running: int = 0
    """Hops it is moving now."""


class MotionAsk(Value):
    """Everything a strategy may look at."""

    request: CopyRequested
    agents: tuple[AgentView, ...]
    caches: tuple[StoreView, ...] = ()
    fleets: tuple[CacheFleetView, ...] = ()
    """Scopes in which cache stores come when they are wanted."""
    cache_use: CacheUse = CacheUse.WHEN_REQUIRED
    """What the operator wants for this copy."""
    wanted_by: str = ""
    """Whose wish ``cache_use`` is, in a few words: ``the policy of zone z1``."""


class Answer(Value):
    """A strategy's answer to one copy."""

    priority: Priority
    reason: str
    missing: str = ""
    """When it can't: what an operator would have to add."""


class HopLeg(Value):
    """One hop of a plan; ``cache`` marks an end that a cache will provide."""

    source_is_cache: bool = False
    destination_is_cache: bool = False
    must_run_on: Id | None = None
    """Host that alone can reach an end (a host-local pool)."""
    method: HopMethod = HopMethod.COPY


class MotionPlan(Value):
    """Hops in order; empty when nothing need move."""

    hops: tuple[HopLeg, ...]


class DataMotionStrategy(Protocol):
    """One way to move data (entry-point group ``stowage.data_motion_strategy``); pure."""

    name: str

    def can_handle(self, ask: MotionAsk) -> Answer:
        """How well this strategy fits, and why."""
        ...

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """Only called when it can handle."""
        ...
