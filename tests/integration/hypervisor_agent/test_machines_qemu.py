"""Real VMs by QEMU, with KVM where it works, keep the suite of all machines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.qemu import QEMU, QemuMachines
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import Kind, MachinesSuite

from tests.integration.hypervisor_agent.vm_host import VmHost, vm_host

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="taps and namespaces need root"),
    pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-system-x86 is not installed"),
]


@pytest.fixture(scope="module")
def host() -> Iterator[VmHost]:
    with vm_host() as host:
        yield host


class TestQemu(MachinesSuite):
    @pytest.fixture
    def settings(self, host: VmHost, tmp_path: Path) -> MachineSettings:
        return host.settings(tmp_path / "vms", accelerator="tcg")

    @pytest.fixture
    def kind(self) -> Kind:
        return QemuMachines

    @pytest.fixture(autouse=True)
    def no_interface_is_left(self, host: VmHost) -> Iterator[None]:
        yield
        assert host.taps() == ""
