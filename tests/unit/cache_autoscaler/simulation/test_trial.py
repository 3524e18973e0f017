"""A fleet's settings are tried on a made-up day, and bad days are refused."""

import pytest
from cache_autoscaler.simulation.trial import MOST_STEPS, trial
from cache_autoscaler.strategies.backlog import BacklogStrategy
from cache_autoscaler.strategies.forecast import ForecastStrategy
from stowage_contracts.caching import Demand
from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.messages.cache_autoscaler import FleetSimulated, SimulateFleet

from tests.unit.cache_autoscaler.scene import Scene
from tests.unit.cache_autoscaler.simulation.days import fleet

HOUR = 3600


def question(*demand: tuple[float, int], maximum: int = 8, strategy: str = "") -> SimulateFleet:
    points = tuple(Demand(seconds=at, wanted_bytes=wanted) for at, wanted in demand)
    return SimulateFleet(fleet=fleet(maximum=maximum, strategy=strategy), demand=points)


MORNING = question((8 * HOUR, 0), (9 * HOUR, 2 * 10**12), (10 * HOUR, 10**11))


def test_it_tells_what_the_fleet_would_have_done() -> None:
    told = trial(MORNING, BacklogStrategy())
    assert told.fleet_id == "f1"
    assert 2 <= told.most <= 8
    assert told.vm_hours > 2.1e12 / 100e6 / 3600
    assert 0 < told.p95_wait_seconds < 3600
    assert told.flaps == 0
    assert told.steps[0].members == told.steps[-1].members == 0
    assert max(step.members for step in told.steps) == told.most
    assert all(step.reason for step in told.steps)


def test_fewer_vms_wait_longer() -> None:
    few = question(*[(d.seconds, d.wanted_bytes) for d in MORNING.demand], maximum=1)
    fewer, more = trial(few, BacklogStrategy()), trial(MORNING, BacklogStrategy())
    assert fewer.p95_wait_seconds > more.p95_wait_seconds
    assert fewer.most == 1


def test_the_day_is_taken_to_be_a_usual_one() -> None:
    told = trial(MORNING, ForecastStrategy())
    first = next(step for step in told.steps if step.members)
    assert first.seconds < 8 * HOUR
    assert "usual" in first.reason


def test_a_long_story_is_shortened_and_its_end_is_told() -> None:
    points = [(HOUR * n, 10**10) for n in range(1, 160)]
    told = trial(question(*points), BacklogStrategy())
    assert len(told.steps) <= MOST_STEPS + 1
    assert told.steps[-1].members == 0


@pytest.mark.parametrize(
    "bad",
    [
        question(),
        question((10, 1), (5, 1)),
        question((8 * 86400, 1)),
        question(*[(n, 0) for n in range(2001)]),
        MORNING.model_copy(update={"vm_bytes_per_second": 0.0}),
        MORNING.model_copy(update={"spawn_seconds": -1.0}),
    ],
)
def test_a_day_that_is_none_is_refused(bad: SimulateFleet) -> None:
    with pytest.raises(InvalidInput):
        trial(bad, BacklogStrategy())


def test_a_day_that_would_take_a_core_for_long_is_given_up() -> None:
    with pytest.raises(InvalidInput, match="given up"):
        trial(question((86400, 10**17), maximum=1000), BacklogStrategy())


async def test_the_service_answers_with_its_own_strategy_or_the_named_one(scene: Scene) -> None:
    told = await scene.bench.ask(MORNING)
    assert isinstance(told, FleetSimulated)
    named = MORNING.model_copy(update={"fleet": fleet(strategy="forecast", maximum=8)})
    other = await scene.bench.ask(named)
    assert isinstance(other, FleetSimulated)
    assert any("usual" in step.reason for step in other.steps)


async def test_an_unknown_strategy_is_told(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await scene.bench.ask(question((HOUR, 10**12), strategy="nobody"))
