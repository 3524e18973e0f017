"""AutoscaleStrategy: how many cache stores a scope should have."""

from typing import Protocol

from stowage_contracts.values import Bytes, Instant, Value
from stowage_contracts.views import CacheLoad, DesiredCount


class AutoscaleLimits(Value):
    """Bounds no strategy may pass."""

    minimum: int = 0
    maximum: int = 1


class Usual(Value):
    """What was wanted at one time of the day, on the average of the days before."""

    minute: int
    """Of the day, UTC; the slot lasts until the next one's."""
    bytes_per_second: float
    days: int
    """How many days it is the average of."""


class AutoscaleAsk(Value):
    """Load of every cache store in one scope, and how many there are."""

    loads: tuple[CacheLoad, ...]
    current: int
    """Members that are offered or on their way to be."""
    limits: AutoscaleLimits
    high_water: float = 0.8
    low_water: float = 0.3
    backlog_bytes: Bytes = 0
    """Waiting for any cache of the scope; what waits for one of them is in ``loads``."""
    backlog_copies: int = 0
    """How many copies that is: no more members can serve them at once; 0 where nobody told."""
    deadline_seconds: float = 600
    """What is queued is to be through within this."""
    member_bytes_per_second: float = 100e6
    """What one member has shown it can do, or is taken to."""
    spawn_seconds: float = 60
    """What a member took of late from its order until it was offered."""
    now: Instant | None = None
    usual: tuple[Usual, ...] = ()
    """The daily rhythm, by rising minute; empty until a day is known."""


class AutoscaleStrategy(Protocol):
    """One policy (entry-point group ``stowage.autoscale_strategy``); pure."""

    name: str

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """A count within the limits, with its reason."""
        ...
