"""Fleets and their hosts on a real database: hosts that fail, fall silent, are drained or gone."""

from datetime import UTC, datetime, timedelta

import pytest
from stowage_contracts.caching import VmPhase
from stowage_contracts.messages.cache_autoscaler import CacheFleetHalted, CacheRemoved
from stowage_contracts.values import HostState

from tests.unit.cache_autoscaler.fleets_scene import Fleets
from tests.unit.cache_autoscaler.scene import Scene


@pytest.fixture
def fleets(scene: Scene) -> Fleets:
    return Fleets(scene)


async def test_failed_spawns_stay_below_the_ceiling_and_halt_the_fleet_once(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(minimum=3)
    for _ in range(60):
        for vm_id, state in (await fleets.vms()).items():
            if state == "ordered":
                await fleets.failed(vm_id)
                await fleets.report(vm_id, VmPhase.GONE)
        await fleets.tick(10, "h1")
        assert len(await fleets.vms()) <= 3
    (halted,) = await fleets.scene.bench.said(CacheFleetHalted)
    assert isinstance(halted, CacheFleetHalted)
    assert halted.state.error is not None
    assert "no image" in halted.state.error.cause
    assert len(await fleets.spawns()) < 12
    await fleets.tick(700, "h1")
    await fleets.offered()
    await fleets.tick(1, "h1")
    assert (await fleets.told())[-1].halted_until is None
    assert (await fleets.told())[-1].error is None


async def test_an_order_nobody_begins_fails_once_its_host_denies_it(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (order,) = await fleets.spawns()
    for _ in range(11):
        await fleets.scene.pass_seconds(6)
        await fleets.seen("h1")
    assert order.vm_id in await fleets.vms()
    for _ in range(3):
        await fleets.scene.pass_seconds(6)
        await fleets.seen("h1")
    assert order.vm_id not in await fleets.vms()
    (row,) = await fleets.scene.sql("SELECT failures FROM cache_autoscaler.fleets")
    assert row["failures"] == 1


async def test_a_silent_host_keeps_its_vm_counted_until_it_is_proven_gone(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.host("h2")
    await fleets.wish(maximum=2)
    (vm_id,) = await fleets.offered()
    silent = "h1" if (await fleets.spawns())[0].host_id == "h1" else "h2"
    other = {"h1": "h2", "h2": "h1"}[silent]
    for _ in range(4):
        await fleets.tick(20, other)
    assert len(await fleets.vms()) == 2
    await fleets.seen(silent)
    await fleets.scene.pass_seconds(13)
    await fleets.seen(silent)
    assert vm_id not in await fleets.vms()


async def test_a_host_an_operator_removed_has_no_vms(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.host("h1", state=HostState.REMOVED)
    assert vm_id not in await fleets.vms()
    assert len(await fleets.scene.bench.said(CacheRemoved)) == 1


async def test_a_vm_of_ours_that_no_row_tells_of_is_destroyed_after_a_while(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(minimum=0)
    stray = fleets.facts("stray", VmPhase.READY)
    foreign = fleets.facts("foreign", VmPhase.READY, fleet_id="nobodys")
    await fleets.seen("h1", stray, foreign)
    assert await fleets.destroys() == []
    await fleets.scene.pass_seconds(61)
    for _ in range(3):
        await fleets.seen("h1", stray, foreign)
    assert [each.vm_id for each in await fleets.destroys()] == ["stray"]
    await fleets.scene.pass_seconds(31)
    await fleets.seen("h1", stray, foreign)
    assert [each.vm_id for each in await fleets.destroys()] == ["stray"] * 2
    assert "nobody knows" in (await fleets.why("stranger"))[0]


async def test_a_drained_host_gives_its_vms_away(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.host("h2")
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    here = (await fleets.spawns())[0].host_id
    await fleets.drain_host(here)
    await fleets.tick(1, "h1", "h2")
    assert (await fleets.vms())[vm_id] == "draining"
    assert (await fleets.spawns())[1].host_id != here


async def test_a_host_whose_clock_was_set_back_is_heard(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await fleets.report(vm_id, VmPhase.FAILED, time=yesterday)
    assert (await fleets.vms())[vm_id] == "destroying"


async def test_after_being_deaf_nobody_is_judged_before_hosts_had_time_to_speak(
    fleets: Fleets,
) -> None:
    await fleets.host()
    await fleets.host("h2")
    await fleets.wish(minimum=2, maximum=4)
    orders = await fleets.spawns()
    (serving,) = [each for each in orders if each.host_id == "h1"]
    (coming,) = [each for each in orders if each.host_id == "h2"]
    await fleets.report(serving.vm_id, VmPhase.READY)
    await fleets.report(coming.vm_id, VmPhase.READY, host_id="h2", url="file:///not/yet")
    await fleets.scene.intents()
    await fleets.tick(7200)
    assert set((await fleets.vms()).values()) == {"offered", "probing"}
    await fleets.tick(1, "h2")
    assert len(await fleets.vms()) == 2
    await fleets.report(coming.vm_id, VmPhase.READY, host_id="h2")
    await fleets.tick(2, "h1", "h2")
    assert set((await fleets.vms()).values()) == {"offered"}
    assert len(await fleets.spawns()) == 2
