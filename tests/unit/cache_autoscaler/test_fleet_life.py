"""Fleets of transport VMs on a real database: from the wish to the proof that all are gone."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cache_autoscaler.store import lock_stores
from stowage_contracts.caching import GIBI, VmPhase
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheDraining,
    CacheFleetRemoved,
    CacheRemoved,
    RemoveCacheFleet,
    TransportVmChanged,
)
from stowage_contracts.messages.hypervisor_agent import ResizeTransportVm
from stowage_contracts.messages.image_store import RemoveStore
from stowage_contracts.values import Scope

from tests.unit.cache_autoscaler.fleets_scene import Fleets
from tests.unit.cache_autoscaler.scene import Scene


@pytest.fixture
def fleets(scene: Scene) -> Fleets:
    return Fleets(scene)


async def test_a_wish_becomes_an_order_and_its_row_together(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (order,) = await fleets.spawns()
    assert (order.fleet_id, order.host_id) == ("f1", "h1")
    assert await fleets.vms() == {order.vm_id: "ordered"}
    sent = await fleets.scene.bench.sent()
    assert [each.to for each in sent if each.message == order] == ["agent.h1"]
    await fleets.tick()
    assert len(await fleets.spawns()) == 1


async def test_a_vm_that_proves_itself_is_offered_as_a_cache_store(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    assert await fleets.story(vm_id) == ["ordered", "probing", "offered"]
    (added,) = await fleets.scene.bench.said(CacheAdded)
    assert isinstance(added, CacheAdded)
    assert (added.state.id, added.state.scope) == (vm_id, Scope.zone("z1"))
    assert all(check.ok for check in added.state.checks)
    assert (await fleets.scene.reserve("c1")).answer == "fill"
    await fleets.tick()
    assert (await fleets.told())[-1].offered == 1


async def test_one_that_can_not_prove_itself_is_destroyed_and_counts_as_failed(
    fleets: Fleets,
) -> None:
    await fleets.host()
    await fleets.wish()
    (order,) = await fleets.spawns()
    await fleets.report(order.vm_id, VmPhase.READY, url="file:///nowhere/at/all")
    await fleets.scene.intents()
    assert await fleets.vms() == {order.vm_id: "probing"}
    for _ in range(7):
        await fleets.tick(20, "h1")
    assert (await fleets.vms())[order.vm_id] == "destroying"
    assert (await fleets.told())[-1].error is not None
    assert {each.vm_id for each in await fleets.destroys()} == {order.vm_id}


async def test_a_drained_vm_lets_copies_finish_and_goes_when_proven_gone(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(min_life_seconds=0)
    (vm_id,) = await fleets.offered()
    reply = await fleets.scene.fill("c1")
    await fleets.wish(minimum=0, min_life_seconds=0)
    assert len(await fleets.scene.bench.said(CacheDraining)) == 1
    await fleets.tick(5, "h1")
    assert await fleets.vms() == {vm_id: "draining"}
    assert await fleets.scene.read(reply)
    await fleets.scene.completed(reply)
    for _ in range(3):
        await fleets.tick(1, "h1")
    assert await fleets.vms() == {vm_id: "destroying"}
    assert len(await fleets.scene.bench.said(CacheRemoved)) == 1
    await fleets.report(vm_id, VmPhase.GONE)
    assert await fleets.vms() == {}
    assert (await fleets.story(vm_id))[-3:] == ["draining", "destroying", "gone"]


async def test_a_late_drain_is_told_and_aborts_nothing(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(min_life_seconds=0)
    (vm_id,) = await fleets.offered()
    reply = await fleets.scene.fill("c1")
    await fleets.wish(minimum=0, min_life_seconds=0, drain_seconds=20)
    for _ in range(6):
        await fleets.progress("c1")
        await fleets.tick(10, "h1")
    assert await fleets.vms() == {vm_id: "draining"}
    assert await fleets.scene.read(reply)
    (late,) = await fleets.why("late")
    assert "1 copies still hold" in late


async def test_a_draining_vm_that_is_wanted_again_serves_again(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(min_life_seconds=0)
    (vm_id,) = await fleets.offered()
    await fleets.scene.fill("c1")
    await fleets.wish(minimum=0, min_life_seconds=0)
    await fleets.wish(minimum=1, min_life_seconds=0)
    assert await fleets.vms() == {vm_id: "offered"}
    assert (await fleets.scene.reserve("c2", "t2")).answer == "fill"
    assert len(await fleets.spawns()) == 1


async def test_a_vm_that_dies_loses_its_entries_at_once_and_is_replaced(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.scene.fill("c1")
    await fleets.report(vm_id, VmPhase.FAILED)
    assert await fleets.scene.entries() == []
    assert (await fleets.vms())[vm_id] == "destroying"
    await fleets.tick(1, "h1")
    (new,) = [one for one, state in (await fleets.vms()).items() if state == "ordered"]
    await fleets.report(vm_id, VmPhase.GONE)
    assert await fleets.vms() == {new: "ordered"}
    assert len(await fleets.scene.bench.said(CacheRemoved)) == 1
    assert (await fleets.told())[-1].error is None


async def test_the_end_of_a_vm_waits_for_who_reserves_with_nothing_in_its_hands(
    fleets: Fleets,
) -> None:
    """Stores are locked before their entries: whoever does it otherwise meets a reservation."""
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    entry_id = (await fleets.scene.fill("c1")).entry_id
    async with fleets.scene.bench.tx() as tx:
        await lock_stores(tx)
        ending = asyncio.create_task(fleets.report(vm_id, VmPhase.FAILED))
        async with asyncio.timeout(5):
            while not await fleets.scene.sql("SELECT FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
        async with asyncio.timeout(0.5):
            assert await tx.row("entry", entry_id) is not None
    await ending
    assert await fleets.scene.entries() == []


async def test_one_that_does_not_answer_gets_nothing_new_and_is_replaced(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.report(vm_id, VmPhase.UNWELL)
    assert (await fleets.scene.reserve("c1")).answer in {"none", "wait"}
    await fleets.tick(30, "h1")
    assert (await fleets.vms())[vm_id] == "offered"
    await fleets.tick(31, "h1")
    assert (await fleets.vms())[vm_id] == "destroying"


async def test_one_that_answers_again_is_probed_and_kept(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.report(vm_id, VmPhase.UNWELL)
    await fleets.report(vm_id, VmPhase.READY)
    await fleets.scene.intents()
    await fleets.tick(120, "h1")
    assert await fleets.vms() == {vm_id: "offered"}
    assert (await fleets.scene.reserve("c1")).answer == "fill"


async def test_a_removed_fleet_ends_when_its_last_vm_is_proven_gone(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(minimum=2)
    ids = await fleets.offered()
    await fleets.scene.bench.handle(RemoveCacheFleet(fleet_id="f1"))
    for _ in range(3):
        await fleets.tick(1, "h1")
    assert set((await fleets.vms()).values()) == {"destroying"}
    assert await fleets.scene.bench.said(CacheFleetRemoved) == []
    for vm_id in ids:
        await fleets.report(vm_id, VmPhase.GONE)
    await fleets.tick()
    assert len(await fleets.scene.bench.said(CacheFleetRemoved)) == 1
    assert await fleets.scene.bench.handle(RemoveCacheFleet(fleet_id="f1")) == []


async def test_a_fleet_stays_in_its_scope(fleets: Fleets) -> None:
    await fleets.wish()
    await fleets.wish(scope=Scope.zone("z2"))
    told = (await fleets.told())[-1]
    assert told.error is not None
    assert told.scope == Scope.zone("z1")


async def test_destroying_is_ordered_again_until_it_is_proven(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.report(vm_id, VmPhase.FAILED)
    for _ in range(4):
        await fleets.tick(16, "h1")
    assert len([each for each in await fleets.destroys() if each.vm_id == vm_id]) == 3


async def test_late_repeated_and_foreign_words_change_nothing(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.host("h2")
    await fleets.wish()
    (order,) = await fleets.spawns()
    vm_id, early = order.vm_id, datetime.now(UTC) - timedelta(minutes=1)
    await fleets.report(vm_id, VmPhase.READY, host_id=order.host_id)
    await fleets.scene.intents()
    liar = {"h1": "h2", "h2": "h1"}[order.host_id]
    await fleets.report(vm_id, VmPhase.GONE, host_id=liar)
    await fleets.report(vm_id, VmPhase.STARTING, host_id=order.host_id, time=early)
    await fleets.report(vm_id, VmPhase.READY, host_id=order.host_id)
    await fleets.tick(1, "h1", "h2")
    assert (await fleets.vms())[vm_id] == "offered"
    assert len(await fleets.scene.bench.said(CacheAdded)) == 1


async def test_a_vm_whose_store_an_operator_removes_goes_with_it(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.scene.bench.handle(RemoveStore(store_id=vm_id))
    for _ in range(3):
        await fleets.tick(6, "h1")
    assert (await fleets.vms())[vm_id] == "destroying"
    assert len(await fleets.vms()) == 2


async def test_larger_disks_are_given_to_vms_that_serve_already(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(vm={"disk_bytes": GIBI})
    (vm_id,) = await fleets.offered()
    for _ in range(2):
        await fleets.wish(vm={"disk_bytes": 2 * GIBI})
    await fleets.wish(vm={"disk_bytes": GIBI})
    (order,) = await fleets.scene.bench.said(ResizeTransportVm)
    assert isinstance(order, ResizeTransportVm)
    assert (order.vm_id, order.disk_bytes) == (vm_id, 2 * GIBI)
    await fleets.report(vm_id, VmPhase.READY, disk_bytes=2 * GIBI)
    shown = (await fleets.scene.bench.said(TransportVmChanged))[-1]
    assert isinstance(shown, TransportVmChanged)
    assert shown.state.disk_bytes == 2 * GIBI


async def test_nothing_is_kept_open_to_vms_that_are_gone(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    await fleets.scene.fill("c1")
    stores = fleets.scene.bench.service.deps.stores
    assert stores.opened == {vm_id}
    await fleets.report(vm_id, VmPhase.FAILED)
    await fleets.report(vm_id, VmPhase.GONE)
    await fleets.tick(1, "h1")
    await fleets.offered()
    assert vm_id not in stores.opened
