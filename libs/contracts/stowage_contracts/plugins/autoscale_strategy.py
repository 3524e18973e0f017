"""AutoscaleStrategy: how many cache stores a scope should have."""

from typing import Protocol

from stowage_contracts.values import Value
from stowage_contracts.views import CacheLoad, DesiredCount


class AutoscaleLimits(Value):
    """Bounds no strategy may pass."""

    minimum: int = 0
    maximum: int = 1


class AutoscaleAsk(Value):
    """Load of every cache store in one scope, and how many there are."""

    loads: tuple[CacheLoad, ...]
    current: int
    limits: AutoscaleLimits
    high_water: float = 0.8
    low_water: float = 0.3


class AutoscaleStrategy(Protocol):
    """One policy (entry-point group ``stowage.autoscale_strategy``); pure."""

    name: str

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """A count within the limits, with its reason."""
        ...
