"""Templates of the image: each is what its hypervisor takes, and the disk boots by itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypervisor_agent.gate.door import inspect
from hypervisor_agent.gate.terms import Expectation
from stowage_contracts.values import ImageFormat

from tests.integration.transport_vm.guest import MEBI, Boot
from tests.integration.transport_vm.rpc import Caller
from tests.servers.process import run
from tests.servers.transport_vms import SOURCE, TransportVms

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("qemu")]
VM = 30


class Stored:
    """A file as the gate reads it."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self.size = len(self._data)

    async def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


@pytest.fixture(scope="module")
def templates(transport_vms: TransportVms, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "out"
    run([SOURCE / "pack", transport_vms.image, folder], 200)
    return folder


@pytest.mark.parametrize(
    ("name", "form"),
    [("qcow2", ImageFormat.QCOW2), ("vhd", ImageFormat.VHD), ("ova", ImageFormat.OVA)],
)
async def test_our_own_gate_takes_it(templates: Path, name: str, form: ImageFormat) -> None:
    image = Stored(templates / f"transport-vm.{name}")
    verdict = await inspect(image, Expectation(form, 128 * MEBI))
    assert (verdict.accepted, verdict.virtual_size) == (True, 64 * MEBI), verdict.reason


def test_qemu_reads_the_vhd_with_its_exact_size(templates: Path) -> None:
    told = run(["qemu-img", "info", "--output=json", "-f", "vpc", templates / "transport-vm.vhd"])
    assert json.loads(told)["virtual-size"] == 64 * MEBI


def test_every_template_holds_the_same_disk(templates: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", templates / "transport-vm.ova"], cwd=tmp_path, check=True)
    qcow2 = ("qcow2", templates / "transport-vm.qcow2")
    for form, path in (
        ("vpc", templates / "transport-vm.vhd"),
        ("vmdk", tmp_path / "transport-vm-disk1.vmdk"),
    ):
        run(["qemu-img", "compare", "-f", qcow2[0], "-F", form, qcow2[1], path])


def test_it_boots_alone_and_takes_its_arguments_from_a_disk(
    boot: Boot, templates: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    told = f"stowage.address={boot.host.address(VM)}/24 stowage.clients={boot.host.network}\n"
    config.write_bytes(told.encode().ljust(MEBI, b"\0"))
    disks = (
        (templates / "transport-vm.qcow2", "qcow2,readonly=on"),
        (boot.disk, "raw"),
        (config, "raw"),
    )
    options = [
        word
        for number, (path, form) in enumerate(disks)
        for word in (
            *("-drive", f"if=none,id=d{number},file={path},format={form}"),
            *("-device", f"virtio-blk-pci,drive=d{number},bootindex={number}"),
        )
    ]
    with boot.qemu(options=options) as guest:
        assert "disk=vdb" in guest.said("formatted", 110)
        guest.said("ready")
        assert Caller(boot.host.address(VM)).mount(b"/export")[0] == 0
