"""Made-up days for tests, and a policy that does what a script says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.controller import Plan
from cache_autoscaler.simulation.day import Asked, Day, Figures
from cache_autoscaler.simulation.tally import Tally
from cache_autoscaler.strategies.backlog import BacklogStrategy
from stowage_contracts.caching import CacheFleet
from stowage_contracts.values import Scope, ScopeType

GB = 1e9
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def fleet(**changes: Any) -> CacheFleet:
    """A zone's fleet of up to four."""
    scope = Scope(type=ScopeType.ZONE, id="z1", zone_id="z1")
    return CacheFleet(id="f1", name="f1", scope=scope, **changes)


def plan(**changes: Any) -> Plan:
    """The backlog strategy decides for it."""
    return Plan(fleet=fleet(**changes), strategy=BacklogStrategy(), begin=BEGIN)


def day(*asked: tuple[float, float], **changes: Any) -> Day:
    """(seconds, gigabytes) of each copy, in an hour; members do 100 MB/s."""
    copies = tuple(Asked(seconds, size * GB) for seconds, size in asked)
    hour: dict[str, Any] = {"asked": copies, "seconds": 3600.0}
    return Day(**(hour | changes))


@dataclass
class Script:
    """What is done at which look."""

    does: Mapping[float, Callable[[Cloud], None]]
    every: float = 10.0
    rest: float = 10.0
    seen: dict[float, Figures] = field(default_factory=dict)

    def look(self, cloud: Cloud, figures: Figures) -> None:
        self.seen[cloud.now] = figures
        if cloud.now in self.does:
            self.does[cloud.now](cloud)


def lived(one: Day, script: Script, maximum: int = 4) -> Tally:
    """That day under that script."""
    tally = Tally(maximum, cool_down=120)
    Cloud(one, script, tally).run()
    return tally
