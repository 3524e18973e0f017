"""The made-up cloud: copies wait, share, finish, and are cut off when somebody is careless."""

from math import inf

import pytest
from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.day import Spawned
from stowage_contracts.errors import InvalidInput

from tests.unit.cache_autoscaler.simulation.days import Script, day, lived


def spawn(cloud: Cloud) -> None:
    cloud.spawn()


def spawn_two(cloud: Cloud) -> None:
    cloud.spawn()
    cloud.spawn()


def drain(cloud: Cloud) -> None:
    for machine in cloud.serving:
        cloud.drain(machine)


def undrain(cloud: Cloud) -> None:
    for machine in cloud.machines.values():
        cloud.undrain(machine)


def destroy(cloud: Cloud) -> None:
    for machine in list(cloud.machines.values()):
        cloud.destroy(machine)


def test_a_copy_waits_for_its_member_and_then_takes_its_time() -> None:
    tally = lived(day((30, 10)), Script({0: spawn}))
    assert tally.waits == pytest.approx([30])
    assert lived(day((100, 10)), Script({0: spawn})).waits == pytest.approx([0])


def test_two_copies_share_a_member_evenly() -> None:
    tally = lived(day((100, 10), (100, 10)), Script({0: spawn}))
    assert tally.waits == pytest.approx([100, 100])
    later = lived(day((100, 10), (150, 10)), Script({0: spawn}))
    assert later.waits == pytest.approx([50, 50])


def test_slow_links_share_nothing() -> None:
    tally = lived(day((100, 1), (100, 1), stream_rate=50e6), Script({0: spawn}))
    assert tally.waits == pytest.approx([0, 0])


def test_who_finds_no_free_stream_waits_for_one() -> None:
    tally = lived(day((100, 10), (110, 10), streams=1), Script({0: spawn}))
    assert sorted(tally.waits) == pytest.approx([0, 90])


def test_copies_go_where_fewest_are() -> None:
    both = Script({0: spawn_two})
    assert lived(day((100, 10), (100, 10)), both).waits == pytest.approx([0, 0])


def test_a_drained_member_finishes_and_takes_nothing_new() -> None:
    script = Script({0: spawn, 110: drain, 120: spawn})
    tally = lived(day((100, 10), (115, 10)), script)
    assert tally.aborted == 0
    assert tally.waits == pytest.approx([0, 65])


def test_a_member_taken_back_serves_at_once() -> None:
    back = Script({0: spawn, 110: drain, 120: undrain})
    assert lived(day((100, 10), (115, 1)), back).waits == pytest.approx([15, 10])


def test_destroying_a_member_cuts_its_copies_off() -> None:
    tally = lived(day((100, 10)), Script({0: spawn, 150: destroy, 160: spawn}))
    assert tally.aborted == 1
    assert tally.waits == pytest.approx([120])


def test_hours_run_from_the_order_until_it_is_proven_gone() -> None:
    ended = lived(day(), Script({0: spawn, 600: destroy}))
    assert ended.vm_seconds == pytest.approx(605)
    assert lived(day(), Script({0: spawn})).vm_seconds == pytest.approx(3600)


def test_spawns_beyond_the_ceiling_are_counted() -> None:
    two = lived(day(), Script({0: spawn, 10: spawn, 20: spawn}), maximum=2)
    assert (two.over, two.most) == (1, 3)


def test_a_change_soon_after_one_the_other_way_is_a_flap() -> None:
    assert lived(day(), Script({0: spawn, 100: drain})).flaps == 1
    assert lived(day(), Script({0: spawn, 130: drain})).flaps == 0


def test_a_spawn_may_fail_or_never_answer() -> None:
    failing = day((30, 1), spawn=lambda number, now: Spawned(60, well=number > 1))
    again = Script({0: spawn, 60: destroy, 70: spawn})
    assert lived(failing, again).waits == pytest.approx([100])
    silent = day(spawn=lambda number, now: Spawned(inf))
    assert lived(silent, Script({0: spawn})).vm_seconds == pytest.approx(3600)


def test_copies_that_nobody_serves_are_told() -> None:
    tally = lived(day((30, 1)), Script({}))
    assert (tally.waits, tally.unserved) == ([], 1)


def test_what_is_measured_is_what_flows() -> None:
    script = Script({0: spawn})
    lived(day((100, 10), (100, 10), streams=1), script)
    seen = script.seen[110]
    assert (seen.waiting, seen.running, seen.streams) == (1, 1, 1)
    assert seen.waiting_bytes == pytest.approx(10e9)
    assert seen.rate == pytest.approx(100e6)


def test_a_run_that_costs_too_much_is_given_up() -> None:
    script = Script({0: spawn})
    with pytest.raises(InvalidInput, match="given up"):
        Cloud(day(), script, lived(day(), script), effort=100).run()
