"""Whatever happens to its VMs and hosts, a fleet keeps its promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cache_autoscaler.model.fleets import (
    Action,
    Destroy,
    Drain,
    Fleet,
    Halt,
    Member,
    Spawn,
    Undrain,
)
from cache_autoscaler.model.vms import COMING
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.caching import VmState

from tests.unit.cache_autoscaler.fleet_world import World, host, limits

LIFE, COOL = 60, 45
EVENTS = st.sampled_from(
    ("nothing", "offer", "fail", "die", "silence", "speak", "empty", "gone", "retire", "full")
)
DAYS = st.lists(
    st.tuples(st.integers(0, 9), EVENTS, st.integers(0, 20), st.integers(1, 40)),
    min_size=1,
    max_size=60,
)


def happens(it: World, event: str, which: int) -> None:
    """Something befalls one VM, or a host."""
    ids = sorted(it.members)
    if event == "full":
        it.hosts[0] = host("h1", slots=which % 3)
    if ids:
        befalls(it, event, it.members[ids[which % len(ids)]])


def befalls(it: World, event: str, vm: Member) -> None:
    """The same, to this VM, if it can."""
    changes: dict[str, dict[str, Any]] = {
        "die": {"doomed": "dead"},
        "silence": {"silent": True},
        "speak": {"silent": False},
        "retire": {"retiring": "its host is drained"},
        "empty": {"empty": vm.state is VmState.DRAINING},
    }
    if event in changes:
        it.set(vm.id, **changes[event])
    elif event == "gone":
        it.forget(vm.id)
    elif event in ("offer", "fail") and vm.state in COMING:
        it.offer(vm.id) if event == "offer" else it.fail(vm.id)


@settings(max_examples=150, deadline=None)
@given(DAYS, st.integers(0, 2), st.integers(2, 5), st.integers(0, 2))
def test_it_keeps_its_promises(
    day: list[tuple[int, str, int, int]], low: int, high: int, spare: int
) -> None:
    told = limits(
        minimum=low, maximum=high, spare=spare, min_life_seconds=LIFE, cool_down_seconds=COOL
    )
    it = World(Fleet(limits=told), [host("h1"), host("h2", slots=3)])
    for wanted, event, which, seconds in day:
        happens(it, event, which)
        done = it.tick(wanted, seconds)
        assert len(it.members) <= high
        assert done.doing
        _lived_long_enough(it, done.actions)
        if it.fleet.halted_until and it.now < it.fleet.halted_until:
            assert not any(isinstance(action, Spawn) for action in done.actions)
    _never_turned_too_soon(it)


def _lived_long_enough(it: World, actions: Sequence[Action]) -> None:
    for action in actions:
        if isinstance(action, Drain):
            vm = it.members[action.vm_id]
            lived = it.now - (vm.offered or it.now)
            assert vm.retiring or lived >= timedelta(seconds=LIFE)


def _never_turned_too_soon(it: World) -> None:
    """Changes by what is wanted; what died or had to leave was not the controller's choice."""
    grew = [at for at, action in it.log if isinstance(action, Spawn | Undrain)]
    fell = [
        at
        for at, action in it.log
        if isinstance(action, Drain | Destroy) and action.reason.endswith("wanted")
    ]
    for up in grew:
        assert all(abs(up - down) >= timedelta(seconds=COOL) for down in fell)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 6), st.integers(1, 30))
def test_a_steady_wish_settles_and_stays(wanted: int, seconds: int) -> None:
    it = World(Fleet(limits=limits(maximum=6, min_life_seconds=LIFE)), [host(), host("h2")])
    it.tick(3)
    it.offer()
    for _ in range(200):
        it.tick(wanted, seconds)
        it.offer()
        for vm_id, vm in list(it.members.items()):
            if vm.state is VmState.DRAINING:
                it.set(vm_id, empty=True)
            if vm.state is VmState.DESTROYING:
                it.forget(vm_id)
    at = len(it.log)
    assert it.count(VmState.OFFERED) == wanted or seconds * 200 < COOL + LIFE + 240
    it.tick(wanted, 1000)
    assert len(it.log) - at <= 6


@given(st.integers(1, 50))
def test_only_failures_never_pass_the_ceiling_nor_hammer_hosts(seconds: int) -> None:
    it = World(Fleet(limits=limits(maximum=3)), [host(), host("h2")])
    for _ in range(100):
        it.tick(9, seconds)
        assert len(it.members) <= 3
        for vm_id in list(it.members):
            it.fail(vm_id)
    spawns = sum(isinstance(action, Spawn) for _, action in it.log)
    assert spawns <= 3 + 7 + 100 * seconds // 600
    assert all(isinstance(a, Spawn | Halt) for _, a in it.log)
    assert replace(it.fleet, failures=0).failures == 0
