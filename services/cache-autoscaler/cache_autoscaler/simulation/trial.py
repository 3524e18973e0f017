"""What an operator tries: a fleet's settings on a day of so many bytes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from stowage_contracts.caching import Demand, FleetStep
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.cache_autoscaler import FleetSimulated, SimulateFleet
from stowage_contracts.plugins import AutoscaleStrategy
from stowage_contracts.plugins.autoscale_strategy import Usual

from cache_autoscaler.model.rhythm import SLOT_MINUTES, usual
from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.controller import Controller, Plan
from cache_autoscaler.simulation.day import Asked, Day, Spawned
from cache_autoscaler.simulation.tally import Tally

COPY = 10e9
"""Bytes of one copy, where a day does not take too many of these."""
MOST_COPIES = 20_000
MOST_POINTS = 2_000
MOST_SECONDS = 7 * 86400
MOST_LOOKS = 20_000
MOST_STEPS = 400
"""Steps told; the answer travels on the bus."""
EFFORT = 700_000
"""Some seconds of one core."""
BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
"""Midnight of a day like any other."""


def trial(asked: SimulateFleet, strategy: AutoscaleStrategy) -> FleetSimulated:
    """What the fleet would have done; raises InvalidInput for a day too long or too rich."""
    day = _day(asked)
    plan = Plan(
        fleet=asked.fleet,
        strategy=strategy,
        begin=BEGIN,
        usual=_usual(asked.demand),
        shown=asked.vm_bytes_per_second,
        spawn_seconds=asked.spawn_seconds,
        spawn_limit_seconds=10 * asked.spawn_seconds + 60,
        every=max(5.0, day.seconds / MOST_LOOKS),
    )
    tally = Tally(asked.fleet.maximum, asked.fleet.cool_down_seconds)
    Cloud(day, Controller(plan), tally, EFFORT).run()
    return FleetSimulated(
        fleet_id=asked.fleet.id,
        steps=_told(tally.steps),
        p95_wait_seconds=tally.wait(0.95),
        vm_hours=tally.vm_hours,
        flaps=tally.flaps,
        most=tally.most,
    )


def _day(asked: SimulateFleet) -> Day:
    points, rate, takes = asked.demand, asked.vm_bytes_per_second, asked.spawn_seconds
    if not points or len(points) > MOST_POINTS:
        raise InvalidInput(f"a day has 1 to {MOST_POINTS:,} points", code="demand")
    if any(later.seconds < earlier.seconds for earlier, later in pairwise(points)):
        raise InvalidInput("the seconds of demand must rise", code="demand")
    if points[-1].seconds > MOST_SECONDS:
        raise InvalidInput("a day may be as long as a week, no longer", code="demand")
    if rate <= 0 or not 0 <= takes <= MOST_SECONDS:
        raise InvalidInput("a VM needs a rate, and a spawn its time", code="demand")
    fleet = asked.fleet
    tail = 2 * (fleet.min_life_seconds + fleet.cool_down_seconds + takes)
    return Day(
        asked=tuple(_copies(points)),
        seconds=points[-1].seconds + min(tail, MOST_SECONDS),
        member_rate=rate,
        spawn=lambda number, now: Spawned(takes),
    )


def _copies(points: Sequence[Demand]) -> Iterator[Asked]:
    """Every point's bytes as copies, at random times between it and the point before; always the
    same ones, so that settings can be compared."""
    chance = Random("any day")  # noqa: S311 - nothing is to be kept secret
    size = max(COPY, sum(point.wanted_bytes for point in points) / MOST_COPIES)
    before = 0.0
    for point in points:
        count = -(-point.wanted_bytes // int(size))
        for seconds in sorted(chance.uniform(before, point.seconds) for _ in range(count)):
            yield Asked(seconds, point.wanted_bytes / count)
        before = point.seconds


def _usual(points: Sequence[Demand]) -> tuple[Usual, ...]:
    """The day is taken to be an ordinary one: this is what is usual."""
    slots: dict[int, float] = {}
    for copy in _copies(points):
        slot = int(copy.seconds / 60 / SLOT_MINUTES) % (24 * 60 // SLOT_MINUTES)
        slots[slot] = slots.get(slot, 0.0) + copy.size
    days = max(1, round(timedelta(seconds=points[-1].seconds) / timedelta(days=1)))
    return usual({slot: wanted / days for slot, wanted in slots.items()}, days)


def _told(steps: Sequence[FleetStep]) -> tuple[FleetStep, ...]:
    """All, or as many as travel well: evenly chosen, the last one always."""
    every = -(-len(steps) // MOST_STEPS) or 1
    return tuple(steps[:-1][::every]) + tuple(steps[-1:])
