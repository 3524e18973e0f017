"""Real VMs by QEMU, with KVM where it works, keep the suite of all machines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.qemu import QemuMachines
from stowage_contracts.caching import VmPhase
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import SPEC, Kind, MachinesSuite

from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.servers.transport_vms import TransportVms

pytestmark = [pytest.mark.emulated, pytest.mark.usefixtures("qemu")]


class TestQemu(MachinesSuite):
    @pytest.fixture
    def settings(self, transport_vms: TransportVms, tmp_path: Path) -> MachineSettings:
        return settings_in(transport_vms, tmp_path / "vms", accelerator="tcg")

    @pytest.fixture
    def kind(self) -> Kind:
        return QemuMachines

    @pytest.fixture(autouse=True)
    def no_interface_is_left(self, transport_vms: TransportVms) -> Iterator[None]:
        yield
        assert taps(transport_vms) == ""


async def test_by_itself_it_takes_an_accelerator_that_works(
    transport_vms: TransportVms, tmp_path: Path
) -> None:
    machines = QemuMachines(settings_in(transport_vms, tmp_path / "vms"))
    await machines.spawn("one", "fleet", SPEC)
    try:
        async with asyncio.timeout(90):
            while (facts := (await machines.seen())[0]).phase is not VmPhase.READY:
                assert facts.phase is VmPhase.STARTING, facts.error
                await asyncio.sleep(0.1)
    finally:
        await machines.destroy("one")
        await machines.aclose()
