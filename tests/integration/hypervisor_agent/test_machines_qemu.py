"""Real VMs by QEMU, with KVM where it works, keep the suite of all machines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.qemu import QEMU, QemuMachines
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import Kind, MachinesSuite

from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.servers.transport_vms import TransportVms

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-system-x86 is not installed"),
]


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
