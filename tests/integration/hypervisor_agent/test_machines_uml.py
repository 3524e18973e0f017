"""Real VMs by User Mode Linux keep the suite of all machines, and serve what is copied to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.uml import UmlMachines
from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import Kind, MachinesSuite

from tests.integration.hypervisor_agent.vm_host import VmHost, vm_host

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="taps and namespaces need root")


@pytest.fixture(scope="module")
def host() -> Iterator[VmHost]:
    with vm_host() as host:
        yield host


class TestUml(MachinesSuite):
    @pytest.fixture
    def settings(self, host: VmHost, tmp_path: Path) -> MachineSettings:
        return host.settings(tmp_path / "vms")

    @pytest.fixture
    def kind(self) -> Kind:
        return UmlMachines

    @pytest.fixture
    def grows(self) -> bool:
        return False

    @pytest.fixture(autouse=True)
    def no_interface_is_left(self, host: VmHost) -> Iterator[None]:
        yield
        assert host.taps() == ""


@pytest.mark.parametrize(
    "more",
    [{"bridge": ""}, {"addresses": ()}, {"options": {"namespaces": "x"}}]
    + [{"options": option} for option in ({"user": "nobody-at-all"}, {"namespace": "../x"})],
)
def test_settings_it_can_not_work_with_are_refused(more: dict[str, object]) -> None:
    told = {"folder": "/none", "image": "/none", "addresses": ("192.0.2.1/24",), "bridge": "br0"}
    with pytest.raises(InvalidInput):
        UmlMachines(MachineSettings.model_validate({**told, **more}))
