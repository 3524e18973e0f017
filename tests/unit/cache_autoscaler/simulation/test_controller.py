"""The production step lives through made-up days as it promises."""

from math import inf
from random import Random

import pytest
from cache_autoscaler.simulation.controller import live
from cache_autoscaler.simulation.day import Spawned

from tests.unit.cache_autoscaler.simulation.days import day, plan


def test_one_comes_for_a_copy_and_goes_when_its_life_is_over() -> None:
    tally = live(day((100, 10)), plan(min_life_seconds=300))
    assert tally.waits == pytest.approx([60], abs=5)
    assert [step.members for step in tally.steps] == [0, 1, 1, 1, 0]
    assert tally.vm_seconds == pytest.approx(60 + 300 + 15, abs=10)


def test_a_storm_gets_the_whole_fleet_and_not_one_more() -> None:
    tally = live(day(*[(100, 10)] * 100), plan(maximum=6))
    assert (tally.most, tally.over, tally.aborted, tally.flaps) == (6, 0, 0, 0)
    assert len(tally.waits) == 100


def test_spares_wait_where_nothing_happens() -> None:
    tally = live(day((1800, 10)), plan(spare=1))
    assert tally.waits == pytest.approx([0], abs=0.1)
    assert tally.vm_seconds >= 3600


@pytest.mark.parametrize("seed", range(4))
def test_nothing_flaps_or_is_cut_off_and_the_ceiling_holds(seed: int) -> None:
    chance = Random(seed)
    asked = sorted((chance.uniform(0, 7200), chance.uniform(1, 40)) for _ in range(200))

    def spawn(number: int, now: float) -> Spawned:
        going = Random(f"{seed} {number}")
        return Spawned(going.choice((20.0, 200.0, inf)), going.random() < 0.7)

    tally = live(day(*asked, seconds=9000.0, spawn=spawn), plan(min_life_seconds=60, maximum=5))
    assert (tally.flaps, tally.aborted, tally.over, tally.unserved) == (0, 0, 0, 0)
    assert tally.most <= 5


def test_spawns_that_always_fail_never_pass_the_ceiling() -> None:
    failing = day((100, 10), spawn=lambda number, now: Spawned(30, well=False))
    tally = live(failing, plan(maximum=3))
    assert (tally.over, tally.unserved) == (0, 1)
    assert 3 <= tally.spawns < 40
    assert any("halted" in step.reason for step in tally.steps)


def test_the_same_day_is_the_same_again() -> None:
    one = day(*[(30.0 * number, 7) for number in range(60)])
    assert live(one, plan()).steps == live(one, plan()).steps
