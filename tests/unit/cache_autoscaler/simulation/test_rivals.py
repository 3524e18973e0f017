"""The rivals of the measurement keep to their own rules, and the all-knowing to the world's."""

from typing import Any

import pytest
from cache_autoscaler.simulation.cloud import Cloud, Policy
from cache_autoscaler.simulation.day import Day
from cache_autoscaler.simulation.tally import Tally

from bench.scaling.all_knowing import AllKnowing, Knowledge, needed
from bench.scaling.cloudstack import CloudStack
from bench.scaling.keda import Keda
from tests.unit.cache_autoscaler.simulation.days import day


class Watched:
    """A policy, and how many members there were after each of its looks."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.every, self.rest = policy.every, policy.rest
        self.members: dict[float, int] = {}

    def look(self, cloud: Cloud, figures: Any) -> None:
        self._policy.look(cloud, figures)
        self.members[cloud.now] = len(cloud.machines)


def watched(one: Day, policy: Policy) -> tuple[Watched, Tally]:
    watch, tally = Watched(policy), Tally(20, 120)
    Cloud(one, watch, tally).run()
    return watch, tally


def test_cloudstack_always_has_one_and_adds_one_a_scan_above_40_commands() -> None:
    quiet, _ = watched(day(), CloudStack(20, shrinks=False))
    assert set(quiet.members.values()) == {1}
    storm, tally = watched(day(*[(100, 10)] * 91), CloudStack(20, shrinks=False))
    assert [storm.members[at] for at in (90, 120, 150, 180, 210)] == [1, 2, 3, 3, 3]
    assert tally.aborted == 0


def test_cloudstack_adds_one_for_a_migration_that_waits_a_quarter_of_an_hour() -> None:
    slow, _ = watched(day((10, 200)), CloudStack(20, shrinks=False))
    assert max(count for at, count in slow.members.items() if at <= 900) == 1
    assert slow.members[960] == 2


def test_cloudstack_shrinks_only_if_told_to_and_forgets_long_copies() -> None:
    storm = day(*[(100, 10)] * 60, (130, 250), seconds=7200.0)
    kept, _ = watched(storm, CloudStack(1, shrinks=False))
    assert kept.members[7140] >= 2
    shrunk, _ = watched(storm, CloudStack(1, shrinks=True))
    assert shrunk.members[7140] == 1


def test_keda_wakes_at_its_poll_doubles_and_rests_after_five_minutes() -> None:
    storm, _ = watched(day(*[(100, 1)] * 100), Keda(5, 20))
    assert [storm.members[at] for at in (105, 120, 135, 150, 165)] == [0, 1, 5, 10, 20]
    assert storm.members[375] == 20
    assert storm.members[3000] == 0


def test_keda_keeps_the_highest_wish_of_five_minutes() -> None:
    asked = [(100.0, 1.0)] * 40 + [(400.0 + number, 0.1) for number in range(0, 3000, 20)]
    held, _ = watched(day(*asked), Keda(5, 20))
    most = max(held.members.values())
    assert held.members[390] == most
    assert held.members[900] < most


def test_keda_cuts_off_what_takes_longer_than_its_grace() -> None:
    asked = [(100.0, 1.0)] * 60 + [(200.0, 60.0)] * 6
    _, tally = watched(day(*asked, seconds=7200.0), Keda(8, 20))
    assert tally.aborted > 0
    assert len(tally.waits) == 66


def test_who_knows_the_day_has_members_when_they_are_needed() -> None:
    one = day((600, 10), (600, 10), (2000, 10))
    plan = needed(one, Knowledge(0, 1.0), 4)
    assert [plan[at] for at in (59, 60, 69, 70, 199, 200)] == [0, 2, 2, 0, 0, 1]
    _, tally = watched(one, AllKnowing(plan, 60, 4))
    assert tally.waits == pytest.approx([0, 0, 0], abs=1)
    assert tally.vm_seconds < 3 * 230
