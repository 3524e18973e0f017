"""Real VMs of a real libvirtd keep the suite of all machines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.libvirt import LibvirtMachines
from stowage_contracts.errors import Unavailable
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import Kind, MachinesSuite

from tests.integration.hypervisor_agent.libvirt_host import installed, libvirt_host
from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.servers.transport_vms import TransportVms

pytest.importorskip("libvirt")
pytestmark = [
    pytest.mark.emulated,
    pytest.mark.usefixtures("qemu"),
    pytest.mark.skipif(not installed(), reason="libvirt-daemon-system is not installed"),
]


@pytest.fixture(scope="module")
def uri(transport_vms: TransportVms) -> Iterator[str]:
    short = tempfile.TemporaryDirectory(prefix="lv-")  # a socket's path is, by law
    with short as here, libvirt_host(transport_vms, Path(here)) as uri:
        yield uri


class TestLibvirt(MachinesSuite):
    @pytest.fixture
    def settings(self, transport_vms: TransportVms, uri: str, tmp_path: Path) -> MachineSettings:
        told = settings_in(transport_vms, tmp_path / "vms")
        options = {"uri": uri, "overcommit": 100, "accelerator": "tcg"}
        return told.model_copy(update={"options": options})

    @pytest.fixture
    def kind(self) -> Kind:
        return LibvirtMachines

    @pytest.fixture(autouse=True)
    def no_interface_is_left(self, transport_vms: TransportVms) -> Iterator[None]:
        yield
        assert taps(transport_vms) == ""


async def test_while_libvirt_is_away_nothing_is_taken_for_gone(
    transport_vms: TransportVms, tmp_path: Path
) -> None:
    options = {"uri": f"qemu+unix:///system?socket={tmp_path}/none"}
    told = settings_in(transport_vms, tmp_path / "vms").model_copy(update={"options": options})
    machines = LibvirtMachines(told)
    with pytest.raises(Unavailable) as caught:
        await machines.check()
    assert caught.value.code == "unavailable.libvirt"
    with pytest.raises(Unavailable):
        await machines.destroy("one")
    await machines.aclose()
