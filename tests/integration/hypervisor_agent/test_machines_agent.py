"""An agent with real VMs: they serve, outlive it, and a hanging one keeps no heartbeat back."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypervisor_agent.agent import Agent
from hypervisor_agent.machines.processes import of_folder
from hypervisor_agent.machines.uml import UmlMachines
from stowage_contracts.caching import VmPhase
from stowage_contracts.messages.hypervisor_agent import Heartbeat
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import Cloud, make_agent, running
from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.integration.hypervisor_agent.vm_orders import destroy, own, reported, seen, spawn
from tests.servers.transport_vms import TransportVms


@pytest.fixture
async def folder(transport_vms: TransportVms, tmp_path: Path) -> AsyncIterator[Path]:
    """No VM in it outlives the test."""
    folder = tmp_path / "vms"
    yield folder
    machines = UmlMachines(settings_in(transport_vms, folder))
    await machines.destroy("vm1")
    await machines.aclose()


async def test_real_vms_are_told_adopted_and_proven_gone(
    cloud: Cloud, agent_bus: Bus, transport_vms: TransportVms, folder: Path
) -> None:
    told = settings_in(transport_vms, folder, unwell_seconds=1.0)

    def agent() -> Agent:
        facts = {f"agent_machines_{name}": value for name, value in told if name != "options"}
        facts["agent_machines_options"] = told.options
        return make_agent(cloud, agent_bus, folder.parent, agent_machines_kind="uml", **facts)

    await own(cloud)
    async with running(agent()):
        await cloud.send(spawn())
        ready = await reported(cloud, VmPhase.READY)
        assert ready.boot_seconds is not None
    kernel = of_folder(folder / "vm1")[1].pid
    cloud.said.clear()
    async with running(agent()):
        assert (await reported(cloud, VmPhase.READY)).started == ready.started
        os.kill(kernel, signal.SIGSTOP)
        await reported(cloud, VmPhase.UNWELL)
        cloud.said.clear()
        await cloud.heard(Heartbeat, count=5)
        assert (await seen(cloud, lambda said: True)).vms[0].phase is VmPhase.UNWELL
        os.kill(kernel, signal.SIGCONT)
        await reported(cloud, VmPhase.READY)
        await cloud.send(destroy())
        await reported(cloud, VmPhase.GONE)
        assert (await seen(cloud, lambda said: True)).vms == ()
    assert of_folder(folder / "vm1") == ()
    assert list(folder.iterdir()) == []
    assert taps(transport_vms) == ""
