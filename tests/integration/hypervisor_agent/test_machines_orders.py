"""Orders for transport VMs through the agent: carried out, told at each change, seen always."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypervisor_agent.agent import Agent
from stowage_contracts.caching import MEBI, VmPhase
from stowage_contracts.messages.hypervisor_agent import (
    HostJoined,
    ResizeTransportVm,
    TransportVmReported,
    TransportVmsSeen,
)
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import HOST, Cloud, make_agent, running
from tests.integration.hypervisor_agent.vm_orders import destroy, own, reported, seen, spawn


@pytest.fixture
async def owner(cloud: Cloud) -> Cloud:
    return await own(cloud)


@pytest.fixture
def agent_of(owner: Cloud, agent_bus: Bus, pool: Path, tmp_path: Path) -> Callable[..., Agent]:
    def make(**options: object) -> Agent:
        return make_agent(
            owner,
            agent_bus,
            pool,
            agent_machines_kind="fake",
            agent_machines_folder=str(tmp_path / "vms"),
            agent_machines_slots=2,
            agent_machines_disk_bytes=256 * MEBI,
            agent_machines_options={"boot_seconds": 0.3, **options},
        )

    return make


async def test_a_vm_is_told_through_its_whole_life(
    owner: Cloud, agent_of: Callable[..., Agent]
) -> None:
    async with running(agent_of()):
        joined = await owner.heard(HostJoined)
        assert joined.abilities.machines is not None
        assert (joined.abilities.machines.kind, joined.abilities.machines.slots) == ("fake", 2)
        assert (await owner.heard(TransportVmsSeen)).vms == ()
        await owner.send(spawn())
        assert (await reported(owner, VmPhase.STARTING)).fleet_id == "f1"
        ready = await reported(owner, VmPhase.READY)
        assert ready.url
        told = await seen(owner, lambda told: bool(told.vms))
        assert told.vms == (ready,)
        assert told.boot_id == joined.boot_id
        await owner.send(ResizeTransportVm(vm_id="vm1", host_id=HOST, disk_bytes=128 * MEBI))
        fits = lambda told: told.vm.disk_bytes == 128 * MEBI  # noqa: E731
        await owner.heard(TransportVmReported, fits=fits)
        await owner.send(destroy())
        assert (await reported(owner, VmPhase.GONE)).fleet_id == "f1"
        await seen(owner, lambda told: told.vms == ())


async def test_the_next_agent_finds_what_runs_and_tells_it(
    owner: Cloud, agent_of: Callable[..., Agent]
) -> None:
    first = agent_of()
    async with running(first):
        await owner.send(spawn())
        await reported(owner, VmPhase.READY)
    owner.said.clear()
    async with running(agent_of()):
        assert (await reported(owner, VmPhase.READY)).vm_id == "vm1"
        await owner.send(spawn())
        await owner.heard(TransportVmReported, count=2)
        assert len((await seen(owner, lambda told: True)).vms) == 1


async def test_what_can_not_be_made_is_told_with_its_reason(
    owner: Cloud, agent_of: Callable[..., Agent]
) -> None:
    async with running(agent_of(spawn_error="missing")):
        await owner.send(spawn())
        failed = await reported(owner, VmPhase.FAILED)
        assert failed.error is not None
        assert failed.error.code == "not_found.image"
        assert (await seen(owner, lambda told: True)).vms == ()


async def test_an_order_that_came_late_begins_nothing(
    owner: Cloud, agent_of: Callable[..., Agent]
) -> None:
    async with running(agent_of()):
        await owner.send(spawn("late", seconds=-1))
        await owner.send(spawn("vm1"))
        await reported(owner, VmPhase.READY)
        assert [vm.vm_id for vm in (await seen(owner, lambda told: True)).vms] == ["vm1"]


async def test_what_was_ordered_to_go_is_not_spawned_by_an_overtaken_order(
    owner: Cloud, agent_of: Callable[..., Agent]
) -> None:
    async with running(agent_of()):
        await owner.send(destroy("vm1"))
        await reported(owner, VmPhase.GONE)
        await owner.send(spawn("vm1"))
        await owner.send(spawn("vm2"))
        await reported(owner, VmPhase.READY, "vm2")
        assert [vm.vm_id for vm in (await seen(owner, lambda told: True)).vms] == ["vm2"]


async def test_one_that_fails_falls_silent_or_does_not_end_is_told(
    owner: Cloud, agent_of: Callable[..., Agent], tmp_path: Path
) -> None:
    async with running(agent_of()):
        await owner.send(spawn())
        await reported(owner, VmPhase.READY)
        faults = tmp_path / "vms/faults.json"
        faults.write_text(json.dumps({"unwell": ["vm1"], "destroy_error": True}))
        assert (await reported(owner, VmPhase.UNWELL)).error is not None
        await owner.send(destroy())
        fits = lambda told: told.vm.error is not None and told.vm.error.code.endswith("fake")  # noqa: E731
        await owner.heard(TransportVmReported, fits=fits)
        assert (await seen(owner, lambda told: True)).vms[0].phase is VmPhase.UNWELL
        faults.write_text(json.dumps({"ended": ["vm1"]}))
        await reported(owner, VmPhase.FAILED)
        await owner.send(destroy())
        await reported(owner, VmPhase.GONE)


async def test_a_host_without_machines_says_so_and_proves_nothing(
    owner: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with running(make_agent(owner, agent_bus, pool)):
        assert (await owner.heard(HostJoined)).abilities.machines is None
        await owner.send(spawn())
        failed = await reported(owner, VmPhase.FAILED)
        assert failed.error is not None
        assert failed.error.code == "not_found.machines"
        await owner.send(destroy("vm2"))
        told = await reported(owner, VmPhase.FAILED, "vm2")
        assert told.error is not None
        assert told.error.code == "conflict.machines"
        await asyncio.sleep(0)
        assert not [said for said in owner.said if isinstance(said, TransportVmsSeen)]


async def test_a_vm_whose_record_vanished_is_ended_and_told(
    owner: Cloud, agent_of: Callable[..., Agent], tmp_path: Path
) -> None:
    async with running(agent_of()):
        await owner.send(spawn())
        await reported(owner, VmPhase.READY)
        shutil.rmtree(tmp_path / "vms/vm1")
        await reported(owner, VmPhase.GONE)
        assert (await seen(owner, lambda told: True)).vms == ()
