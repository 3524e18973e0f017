"""A fleet that knows the whole day before it begins; nobody real does as well for as little.

It is bound by the ceiling and by what a spawn takes, not by a minimum life or a cool-down. How much
later than alone a copy may be through (``slack``) and how full members are planned (above 1 a queue
is planned for) are tried out; what counts is the cheapest that keeps the wait it is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from math import ceil

from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.day import Day, Figures
from stowage_contracts.caching import VmState

GRID = 10.0
SLACKS = (0.0, 30.0, 60.0, 120.0, 240.0)
FULLNESS = (1.6, 1.45, 1.3, 1.15, 1.0, 0.8)


@dataclass(frozen=True)
class Knowledge:
    """One way to plan a known day."""

    slack: float
    fullness: float


WAYS = tuple(Knowledge(slack, full) for slack, full in product(SLACKS, FULLNESS))
USUAL_WAYS = tuple(way for way in WAYS if way.slack <= 60 and way.fullness >= 1)
"""Those that are the cheapest most often."""


class AllKnowing:
    """Follows a plan made of the day itself."""

    every = GRID
    rest = GRID

    def __init__(self, needed: Sequence[int], lead: float, maximum: int) -> None:
        self._needed = needed
        self._ahead = ceil(lead / GRID) + 1
        self._maximum = maximum

    def look(self, cloud: Cloud, figures: Figures) -> None:
        """Order for what is needed a spawn later; send away who is not needed until then."""
        slot = int(cloud.now / GRID)
        now = self._needed[slot] if slot < len(self._needed) else 0
        soon = max(self._needed[slot : slot + self._ahead + 1], default=0)
        if cloud.waiting or any(m.streams for m in cloud.machines.values()):
            now, soon = max(now, 1), max(soon, 1)
        for machine in list(cloud.machines.values()):
            idle = machine.state is VmState.DRAINING and machine.streams == 0
            if machine.doomed or idle:
                cloud.destroy(machine)
        self._follow(cloud, now, soon)

    def _follow(self, cloud: Cloud, now: int, soon: int) -> None:
        staying = [m for m in cloud.machines.values() if _stays(m)]
        draining = [m for m in cloud.machines.values() if m.state is VmState.DRAINING]
        for machine in draining[: max(0, now - len(staying))]:
            cloud.undrain(machine)
            staying.append(machine)
        room = self._maximum - len(cloud.machines)
        for _ in range(min(room, soon - len(staying))):
            cloud.spawn()
        serving = sorted(cloud.serving, key=lambda m: m.streams)
        for machine in serving[: max(0, len(staying) - max(now, soon))]:
            cloud.drain(machine)


def _stays(machine: object) -> bool:
    return getattr(machine, "state", None) in (VmState.ORDERED, VmState.OFFERED)


def needed(day: Day, way: Knowledge, maximum: int) -> list[int]:
    """Members for each slot of the grid: every copy's bytes spread over the time it may take."""
    slots = int(day.seconds * 1.5 / GRID) + 1
    change = [0.0] * (slots + 1)
    for asked in day.asked:
        takes = asked.size / day.alone + way.slack
        begin, end = int(asked.seconds / GRID), ceil((asked.seconds + takes) / GRID)
        share = asked.size / (max(1, end - begin) * GRID)
        change[min(begin, slots)] += share
        change[min(end, slots)] -= share
    rate = day.member_rate * way.fullness
    return [min(maximum, ceil(got / rate - 1e-6)) for got in accumulate(change[:slots])]
