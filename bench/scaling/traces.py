"""Made-up days that fleets are measured on; a seed gives the same day again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from random import Random
from typing import Any

from cache_autoscaler.simulation.day import Asked, Day, Figures, Spawned
from stowage_contracts.plugins.autoscale_strategy import Usual

HOUR, SLOT = 3600.0, 900.0
GB = 1e9
MEMBER, STREAM, STREAMS = 400e6, 125e6, 8
"""A member's link, a host's link, and the slots of a store."""
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
KNOWN_DAYS = 5
"""Days before, of which the usual one is the average."""

SHAPE = (
    *((0, 0.02), (7, 0.1), (8, 0.6), (9, 1.3), (10, 0.8), (12, 0.5), (13, 0.9), (17, 0.6)),
    *((18, 0.2), (20, 0.05), (24, 0.02)),
)
"""Hour and demand of an office day; straight in between."""

DAYS = 5
"""Times a fleet's day is drawn."""

Rhythm = Callable[[float], float]
"""Seconds of the day → members' worth of demand."""


@dataclass(frozen=True)
class Trace:
    """One or more fleets' days, and the ceiling of each fleet."""

    name: str
    days: Sequence[Day]
    usual: Sequence[tuple[Usual, ...]]
    maximum: int
    lead: float = 75.0
    """Longest spawn of a member that comes at all."""
    every: float = 5.0
    """Seconds between looks of our controller."""


def office(scale: float = 3.0, shift: float = 0.0) -> Rhythm:
    """Little at night, a peak when people come, a dip at noon."""

    def wanted(seconds: float) -> float:
        hour = min(max(seconds / HOUR - shift, 0.0), 23.999)
        for (begin, low), (end, high) in pairwise(SHAPE):
            if begin <= hour < end:
                return scale * (low + (high - low) * (hour - begin) / (end - begin))
        return 0.0

    return wanted


def restless(seconds: float) -> float:
    """Half and one and a half members by turns of a few minutes, all day."""
    turn = 240 + 120 * (int(seconds // 1800) % 3)
    return 1.5 if int(seconds // turn) % 2 else 0.5


def copies(rhythm: Rhythm, chance: Random, until: float = 23 * HOUR) -> list[Asked]:
    """Templates and volumes of 2 to 40 GB, asked for at random, as often as the rhythm says."""
    asked, now, busiest = list[Asked](), 0.0, 8.0
    mean = 12.7 * GB
    while now < until:
        now += chance.expovariate(busiest * MEMBER / mean)
        if chance.random() * busiest < rhythm(now) and now < until:
            asked.append(Asked(now, GB * 2 * 20 ** chance.random()))
    return asked


def storm(hosts: int, begin: float, chance: Random) -> list[Asked]:
    """Every host wants one volume of 10 GB within ten minutes."""
    return [Asked(begin + 600 * chance.random(), 10 * GB) for _ in range(hosts)]


def usual(draw: Callable[[Random], Sequence[Asked]], seed: int) -> tuple[Usual, ...]:
    """The average of days before, drawn like the day itself."""
    wanted = [0.0] * int(24 * HOUR / SLOT)
    for number in range(KNOWN_DAYS):
        for asked in draw(Random(f"{seed} before {number}")):
            wanted[int(asked.seconds // SLOT)] += asked.size
    return tuple(
        Usual(minute=int(slot * SLOT / 60), bytes_per_second=got / SLOT / KNOWN_DAYS, days=5)
        for slot, got in enumerate(wanted)
    )


def spawning(seed: int, quick: float, slow: float, fails: float = 0.0) -> Callable[..., Spawned]:
    """Spawns take between these; some fail after as long."""

    def go(number: int, now: float) -> Spawned:
        chance = Random(f"{seed} spawn {number}")
        return Spawned(chance.uniform(quick, slow), chance.random() >= fails)

    return go


def day(asked: Sequence[Asked], seed: int) -> Day:
    """A day of ordinary members."""
    return Day(
        asked=sorted(asked, key=lambda one: one.seconds),
        member_rate=MEMBER,
        stream_rate=STREAM,
        streams=STREAMS,
        spawn=spawning(seed, 45, 75),
    )


Draw = Callable[[Random], list[Asked]]


def single(name: str, draw: Draw, maximum: int, seed: int) -> Trace:
    """One fleet's day, five times: chance has less to say."""
    seeds = [seed * 100 + number for number in range(DAYS)]
    days = [day(draw(Random(f"{one} today")), one) for one in seeds]
    return Trace(name, days, [usual(draw, one) for one in seeds], maximum)


def changed(trace: Trace, change: Callable[[int, Day], Day], **fields: Any) -> Trace:
    """The same with something done to the n-th day."""
    days = [change(number, one) for number, one in enumerate(trace.days)]
    return replace(trace, days=days, **fields)


def office_day(seed: int = 1) -> Trace:
    """A zone's ordinary day."""
    return single("office day", lambda chance: copies(office(), chance), 8, seed)


def patch_storm(seed: int = 2) -> Trace:
    """500 hosts want a volume at 02:00, on an otherwise ordinary day."""

    def draw(chance: Random) -> list[Asked]:
        return copies(office(1.0), chance)

    def stormy(number: int, one: Day) -> Day:
        chance = Random(f"{seed} storm {number}")
        return day([*one.asked, *storm(500, 2 * HOUR, chance)], seed * 100 + number)

    return changed(single("patch storm, 500 hosts", draw, 20, seed), stormy)


def flapping(seed: int = 3) -> Trace:
    """Demand that goes up and down all day, measured with an error of up to 30 %."""
    ordinary = single("flapping noise", lambda chance: copies(restless, chance), 8, seed)

    def noisy(now: float, figures: Figures) -> Figures:
        error = Random(f"{seed} {now}").uniform(0.7, 1.3)
        return replace(figures, rate=figures.rate * error)

    return changed(ordinary, lambda number, one: replace(one, distort=noisy))


class Stuck:
    """Figures that stay as they were when they got stuck."""

    def __init__(self, times: Sequence[tuple[float, float]]) -> None:
        self._times = times
        self._kept: Figures | None = None
        self._seen = -inf

    def __call__(self, now: float, figures: Figures) -> Figures:
        if now < self._seen:
            self._kept = None  # another run of the same day
        self._seen = now
        if not any(begin <= now < end for begin, end in self._times):
            self._kept = figures
        return self._kept or figures


def stuck_metric(seed: int = 4) -> Trace:
    """All figures stand still from 08:15 to 09:00, while it rises, and from 17:00 to 19:00."""
    ordinary = single("stuck metric", lambda chance: copies(office(), chance), 8, seed)
    times = ((8.25 * HOUR, 9 * HOUR), (17 * HOUR, 19 * HOUR))
    return changed(ordinary, lambda number, one: replace(one, distort=Stuck(times)))


def slow_spawns(seed: int = 5) -> Trace:
    """A member takes four to six minutes, and every fifth never comes."""
    ordinary = single("slow spawns", lambda chance: copies(office(), chance), 8, seed)

    def slowly(number: int, one: Day) -> Day:
        return replace(one, spawn=spawning(seed * 100 + number, 240, 360, 0.2))

    return changed(ordinary, slowly, lead=360.0)


def many_pods(pods: int = 200, seed: int = 6) -> Trace:
    """10,000 hosts: a fleet for each pod of 50, every tenth with a storm of its own."""
    days, known = [], []
    for pod in range(pods):
        chance = Random(f"{seed} pod {pod}")
        rhythm = office(chance.uniform(0.3, 1.5), chance.uniform(-1, 2))

        def draw(chance: Random, rhythm: Rhythm = rhythm) -> list[Asked]:
            return copies(rhythm, chance)

        asked = draw(Random(f"{seed} pod {pod} today"))
        if pod % 10 == 0:
            asked += storm(50, chance.uniform(1, 21) * HOUR, chance)
        days.append(day(asked, seed * 1000 + pod))
        known.append(usual(draw, seed * 1000 + pod))
    name = f"{pods * 50:,} hosts, {pods} pods"
    return Trace(name, days, known, 4, every=10.0)


TRACES: tuple[Callable[[], Trace], ...] = (
    office_day,
    patch_storm,
    flapping,
    stuck_metric,
    slow_spawns,
    many_pods,
)
