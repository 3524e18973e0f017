"""What every Machines must do. Subclass it and give ``settings``, ``kind`` and ``boots_image``."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stowage_contracts.caching import MEBI, VmFacts, VmPhase, VmSpec
from stowage_contracts.errors import InvalidInput, NotFound, OutOfSpace
from stowage_contracts.plugins.machines import Machines, MachineSettings
from stowage_contracts.values import new_id

SPEC = VmSpec(memory_bytes=128 * MEBI, disk_bytes=64 * MEBI)
BOOT_SECONDS = 60.0
"""No VM may need more until it serves."""
Kind = Callable[[MachineSettings], Machines]


@pytest.mark.asyncio
class MachinesSuite:
    """Every behaviour one way to run VMs promises. ``settings`` name an empty folder, room for
    exactly two VMs of ``SPEC`` and addresses for both."""

    @pytest.fixture
    def boots_image(self) -> bool:
        """Whether it needs the image its settings name."""
        return True

    @pytest.fixture
    def grows(self) -> bool:
        """Whether its data disks grow while they serve."""
        return True

    @pytest.fixture
    async def machines(self, kind: Kind, settings: MachineSettings) -> AsyncIterator[Machines]:
        """Leaves no VM behind."""
        machines = kind(settings)
        yield machines
        for facts in await machines.seen():
            await machines.destroy(facts.vm_id)
        await machines.aclose()

    async def test_it_says_what_it_can_run(
        self, machines: Machines, settings: MachineSettings
    ) -> None:
        able = await machines.abilities()
        assert able.kind
        assert able.slots == settings.slots

    async def test_a_vm_serves_outlives_its_keeper_and_leaves_nothing(
        self, machines: Machines, kind: Kind, settings: MachineSettings
    ) -> None:
        vm_id = new_id()
        begun = await machines.spawn(vm_id, "fleet", SPEC)
        assert (begun.vm_id, begun.fleet_id, begun.url) == (vm_id, "fleet", "")
        assert begun.phase is VmPhase.STARTING
        ready = await _until(machines, vm_id, VmPhase.READY)
        assert ready.url.startswith("nfs://")
        assert ready.boot_seconds is not None
        assert 0 <= ready.boot_seconds <= BOOT_SECONDS
        assert ready.disk_bytes == SPEC.disk_bytes
        assert ready.memory_bytes > 0
        again = await machines.spawn(vm_id, "fleet", SPEC)
        assert (again.url, again.started) == (ready.url, ready.started)
        await machines.aclose()
        successor = kind(settings)
        (found,) = await successor.seen()
        assert found.phase is VmPhase.READY
        assert (found.vm_id, found.url, found.started) == (vm_id, ready.url, ready.started)
        await successor.destroy(vm_id)
        assert await successor.seen() == ()
        assert not (Path(settings.folder) / vm_id).exists()
        await successor.destroy(vm_id)
        await successor.aclose()

    async def test_what_is_not_there_is_destroyed_already_and_can_not_grow(
        self, machines: Machines
    ) -> None:
        await machines.destroy("unknown")
        with pytest.raises(NotFound):
            await machines.resize("unknown", SPEC.disk_bytes)
        assert await machines.seen() == ()

    async def test_one_too_many_is_refused_and_its_place_is_given_again(
        self, machines: Machines, settings: MachineSettings
    ) -> None:
        assert settings.slots == 2
        await machines.spawn("one", "fleet", SPEC)
        await machines.spawn("two", "fleet", SPEC)
        with pytest.raises(OutOfSpace):
            await machines.spawn("three", "fleet", SPEC)
        assert {facts.vm_id for facts in await machines.seen()} == {"one", "two"}
        assert not (Path(settings.folder) / "three").exists()
        await machines.destroy("one")
        await machines.spawn("three", "fleet", SPEC)
        assert {facts.vm_id for facts in await machines.seen()} == {"two", "three"}

    @pytest.mark.parametrize("more", [{"disk_bytes": 1 << 50}, {"memory_bytes": 1 << 44}])
    async def test_one_that_is_too_big_is_refused(
        self, machines: Machines, more: dict[str, int]
    ) -> None:
        with pytest.raises(OutOfSpace):
            await machines.spawn("big", "fleet", SPEC.model_copy(update=more))
        assert await machines.seen() == ()

    async def test_orders_for_one_vm_at_the_same_time_make_one(self, machines: Machines) -> None:
        orders = [machines.spawn("one", "fleet", SPEC) for _ in range(4)]
        told = await asyncio.gather(*orders)
        assert len({facts.started for facts in told}) == 1
        assert len(await machines.seen()) == 1

    async def test_without_its_image_nothing_is_spawned(
        self, kind: Kind, settings: MachineSettings, boots_image: bool
    ) -> None:
        if not boots_image:
            pytest.skip("it boots no image")
        machines = kind(settings.model_copy(update={"image": f"{settings.folder}/missing"}))
        with pytest.raises(NotFound) as caught:
            await machines.spawn("one", "fleet", SPEC)
        assert caught.value.hint
        assert await machines.seen() == ()
        await machines.aclose()

    async def test_its_disk_grows_or_the_reason_is_told_and_never_shrinks(
        self, machines: Machines, grows: bool
    ) -> None:
        await machines.spawn("one", "fleet", SPEC)
        await _until(machines, "one", VmPhase.READY)
        if grows:
            facts = await machines.resize("one", 2 * SPEC.disk_bytes)
            assert facts.disk_bytes == 2 * SPEC.disk_bytes
            with pytest.raises(OutOfSpace):
                await machines.resize("one", 1 << 50)
        else:
            with pytest.raises(InvalidInput) as caught:
                await machines.resize("one", 2 * SPEC.disk_bytes)
            assert caught.value.hint
            (facts,) = await machines.seen()
            assert facts.disk_bytes == SPEC.disk_bytes
        assert (await machines.resize("one", MEBI)).disk_bytes == facts.disk_bytes
        assert (await machines.seen())[0].phase is VmPhase.READY


async def _until(machines: Machines, vm_id: str, phase: VmPhase) -> VmFacts:
    """Its facts, once it is in that phase."""
    async with asyncio.timeout(BOOT_SECONDS):
        while True:
            for facts in await machines.seen():
                if facts.vm_id == vm_id and facts.phase is phase:
                    return facts
                assert facts.phase is not VmPhase.FAILED, facts.error
            await asyncio.sleep(0.05)
