"""The controller of a fleet: when it spawns, takes back, drains, destroys, and when it waits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cache_autoscaler.model.fleets import (
    Destroy,
    Drain,
    Fleet,
    Halt,
    Spawn,
    Standing,
    Undrain,
    step,
)
from cache_autoscaler.model.rooms import Patience
from stowage_contracts.caching import VmSpec, VmState
from stowage_contracts.hosts import MachineAbilities

from tests.unit.cache_autoscaler.fleet_world import World, host, limits, wants


def world(**changed: Any) -> World:
    return World(Fleet(limits=limits(**changed)))


def test_it_spawns_what_is_wanted_on_the_emptiest_hosts() -> None:
    it = world()
    it.hosts = [host("h1", vms=0), host("h2"), host("h3", slots=0)]
    done = it.tick(3)
    assert [a.host_id for a in done.actions if isinstance(a, Spawn)] == ["h1", "h2", "h1"]
    assert it.tick(3, 1).actions == ()


def test_a_spare_is_kept_beyond_what_is_wanted() -> None:
    it = world(spare=1)
    assert len(it.tick(0).actions) == 1
    it.offer()
    assert it.tick(0, 10_000).actions == ()
    assert len(it.tick(1).actions) == 1


def test_whatever_is_not_proven_gone_counts_against_the_ceiling() -> None:
    it = world(maximum=2)
    it.tick(2)
    it.set("v1", silent=True)
    it.set("v2", state=VmState.DESTROYING)
    done = it.tick(2, 100)
    assert not [a for a in done.actions if isinstance(a, Spawn)]
    assert "2 are not proven gone" in done.doing
    it.forget("v2")
    assert [type(a) for a in it.tick(2).actions] == [Spawn]


def test_one_that_lived_too_short_is_not_drained() -> None:
    it = world(min_life_seconds=600, cool_down_seconds=60)
    it.tick(1)
    it.offer()
    assert it.tick(0, 599).actions == ()
    assert "lived long enough" in it.tick(0).doing
    assert [type(a) for a in it.tick(0, 1).actions] == [Drain]


def test_the_count_does_not_turn_within_the_cool_down() -> None:
    it = world(min_life_seconds=0, cool_down_seconds=120)
    it.tick(2)
    it.offer()
    assert it.tick(1, 119).actions == ()
    assert [type(a) for a in it.tick(1, 1).actions] == [Drain]
    assert "cooling down" in it.tick(2, 119).doing
    assert [type(a) for a in it.tick(2, 1).actions] == [Undrain]


def test_what_never_served_goes_before_what_is_used() -> None:
    it = world(min_life_seconds=0, cool_down_seconds=0)
    it.tick(3)
    it.offer("v1", "v2")
    it.set("v1", bytes_per_second=5.0)
    assert it.tick(2, 1).actions == (Destroy("v3", "2 wanted"),)
    assert it.tick(1, 1).actions == (Drain("v2", "1 wanted"),)


def test_a_drained_one_is_destroyed_and_a_draining_one_taken_back() -> None:
    it = world(min_life_seconds=0, cool_down_seconds=0)
    it.tick(2)
    it.offer()
    it.tick(0, 1)
    it.set("v1", empty=True)
    done = it.tick(2, 1)
    assert done.actions[0] == Destroy("v1", "it is drained")
    assert Undrain("v2", "2 wanted") in done.actions
    assert sum(isinstance(a, Spawn) for a in done.actions) == 1


def test_a_spawn_that_takes_too_long_has_failed() -> None:
    it = world()
    it.tick(1)
    (action,) = it.tick(1, 301).actions
    assert isinstance(action, Destroy)
    assert action.failed
    assert it.fleet.failures == 1


def test_a_spawn_on_a_host_that_tells_nothing_has_not_failed() -> None:
    it = world(maximum=1)
    it.tick(1)
    it.set("v1", silent=True)
    assert it.tick(1, 3600).actions == ()
    it.set("v1", silent=False)
    assert [type(a) for a in it.tick(1, 1).actions] == [Destroy]


def test_after_a_failure_it_waits_longer_each_time_and_tries_one() -> None:
    it = world()
    it.tick(4)
    for vm_id in list(it.members):
        it.fail(vm_id)
    it.fleet = replace(it.fleet, failures=3)
    assert "tried again" in it.tick(4, 39).doing
    assert [type(a) for a in it.tick(4, 2).actions] == [Spawn]
    assert it.tick(4, 1).actions == ()
    it.offer()
    assert len(it.tick(4).actions) == 3


def test_too_many_failures_halt_it_once_and_it_goes_on_by_itself() -> None:
    it = world()
    it.fleet = replace(it.fleet, patience=Patience(back_off_seconds=1, breaker_failures=3))
    halts = 0
    for _ in range(4000):
        halts += sum(isinstance(a, Halt) for a in it.tick(2, 1).actions)
        for vm_id in list(it.members):
            it.fail(vm_id)
    spawns = sum(isinstance(a, Spawn) for _, a in it.log)
    assert halts == 1 + 3900 // 600
    assert spawns <= 4 + halts
    it.tick(2, 700)
    it.offer()
    assert it.fleet.halted_until is None


def test_a_removed_fleet_waits_for_nothing() -> None:
    it = world(minimum=2)
    it.tick(3)
    it.offer("v1", "v2")
    it.fleet = replace(it.fleet, removing=True)
    done = it.tick(3, 1)
    assert {type(a) for a in done.actions} == {Drain, Destroy}
    assert it.count(VmState.DRAINING) == 2


def test_a_lowered_ceiling_holds_at_once() -> None:
    it = world(maximum=4)
    it.tick(4)
    it.offer()
    it.fleet = replace(it.fleet, limits=limits(maximum=1))
    assert [type(a) for a in it.tick(4, 1).actions] == [Drain] * 3


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"silent": True}, "is silent"),
        ({"draining": True}, "is being drained"),
        ({"machines": None}, "runs no transport VMs"),
        ({"machines": MachineAbilities(kind="x", slots=0)}, "has all its 0 VMs"),
        ({"machines": MachineAbilities(kind="x", memory_bytes=1)}, "too little memory"),
        ({"machines": MachineAbilities(kind="x", disk_bytes=1)}, "too little disk"),
    ],
)
def test_a_host_that_can_not_is_never_chosen_and_why_is_told(
    changed: dict[str, Any], why: str
) -> None:
    it = world(vm=VmSpec())
    it.hosts = [replace(host(), **changed)]
    done = it.tick(1)
    assert done.actions == ()
    assert why in done.doing


def test_a_host_that_failed_is_left_alone_for_a_while() -> None:
    it = world()
    it.hosts = [host("h1", failures=2, failed=it.now), host("h2", vms=9)]
    assert it.tick(1).actions == (Spawn("h2", "1 wanted"),)
    it.hosts = [it.hosts[0]]
    assert it.tick(2, 5).actions == ()
    assert it.tick(2, 16).actions == (Spawn("h1", "2 wanted"),)


def test_a_vm_on_a_host_that_is_drained_is_replaced_first_and_then_leaves() -> None:
    it = world()
    it.tick(1)
    it.offer()
    it.hosts = [host("h1", draining=True), host("h2")]
    it.set("v1", retiring="host h1 is being drained")
    done = it.tick(1, 1)
    assert done.actions == (Drain("v1", "host h1 is being drained"), Spawn("h2", "1 wanted"))


def test_a_silent_host_is_made_up_for_and_the_surplus_leaves_when_it_is_back() -> None:
    it = world(min_life_seconds=0)
    it.hosts = [host("h1"), host("h2")]
    it.tick(1)
    it.offer()
    it.set("v1", silent=True)
    it.hosts[0] = host("h1", silent=True)
    assert [a.host_id for a in it.tick(1, 200).actions if isinstance(a, Spawn)] == ["h2"]
    it.offer("v2")
    it.set("v1", silent=False)
    assert [type(a) for a in it.tick(1, 200).actions] == [Drain]


def test_one_that_is_lost_is_destroyed_at_once() -> None:
    it = world()
    it.tick(1)
    it.offer()
    it.set("v1", doomed="it does not answer")
    done = it.tick(1, 1)
    assert done.actions[0] == Destroy("v1", "it does not answer")
    assert isinstance(done.actions[1], Spawn)


def test_the_cool_down_begins_with_the_change() -> None:
    it = world(cool_down_seconds=120)
    it.tick(1)
    assert it.fleet.grown == it.now
    assert it.fleet.shrunk is None
    assert it.tick(0, 60).fleet.shrunk is None
    assert it.tick(0, 60).fleet.shrunk == it.now
    assert it.now - it.fleet.grown == timedelta(seconds=120)


def test_while_hosts_are_just_being_heard_again_the_silent_are_not_replaced() -> None:
    it = world()
    it.hosts = [host("h1"), host("h2")]
    it.tick(1)
    it.offer()
    it.set("v1", silent=True)
    standing = Standing(list(it.members.values()), it.hosts, listening=True)
    done = step(it.fleet, standing, wants(1), it.now)
    assert done.actions == ()
    assert "just being heard again" in done.doing
    assert len(it.tick(1).actions) == 1
