"""Real VMs by User Mode Linux keep the suite of all machines, and serve what is copied to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.uml import UmlMachines
from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import Kind, MachinesSuite

from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.servers.transport_vms import TransportVms


class TestUml(MachinesSuite):
    @pytest.fixture
    def settings(self, transport_vms: TransportVms, tmp_path: Path) -> MachineSettings:
        return settings_in(transport_vms, tmp_path / "vms")

    @pytest.fixture
    def kind(self) -> Kind:
        return UmlMachines

    @pytest.fixture
    def grows(self) -> bool:
        return False

    @pytest.fixture(autouse=True)
    def no_interface_is_left(self, transport_vms: TransportVms) -> Iterator[None]:
        yield
        assert taps(transport_vms) == ""


@pytest.mark.parametrize(
    "more",
    [{"bridge": ""}, {"addresses": ()}, {"options": {"namespaces": "x"}}]
    + [{"options": option} for option in ({"user": "nobody-at-all"}, {"namespace": "../x"})],
)
def test_settings_it_can_not_work_with_are_refused(more: dict[str, object]) -> None:
    told = {"folder": "/none", "image": "/none", "addresses": ("192.0.2.1/24",), "bridge": "br0"}
    with pytest.raises(InvalidInput):
        UmlMachines(MachineSettings.model_validate({**told, **more}))
