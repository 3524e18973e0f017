"""No honest image is refused: neither ours, nor what qemu-img makes, nor either compressed."""

import tarfile
from pathlib import Path
from typing import Literal

import pytest
from hypervisor_agent.gate import Expectation, Jail, Option, inspect, second_opinion
from stowage_contracts.values import ImageFormat

from tests.images import MemoryImage, Qcow2, SparseImage
from tests.images.accepted import ACCEPTED
from tests.images.honest import qemu_img, raw_file
from tests.images.ova import ENVELOPE
from tests.images.packed import PACKERS
from tests.images.vmdk import Vmdk

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
INTO = frozenset({Option.COMPRESSED})


@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_honest_image_passes_and_qemu_img_agrees(name: str, tmp_path: Path) -> None:
    image = ACCEPTED[name]
    data = image.build()
    verdict = await inspect(MemoryImage(data), Expectation(image.format, TIB))
    assert verdict.accepted, verdict.reason
    assert (verdict.format, verdict.virtual_size) == (image.format, image.virtual_size)
    (tmp_path / "disk").write_bytes(data)
    assert await second_opinion(tmp_path / "disk", verdict) == verdict


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("name", [name for name in ACCEPTED if not name.startswith("ova")])
async def test_an_honest_image_passes_compressed(name: str, kind: str) -> None:
    image = ACCEPTED[name]
    data = image.build()
    stored = MemoryImage(PACKERS[kind](data))
    verdict = await inspect(stored, Expectation(image.format, TIB, INTO))
    assert verdict.accepted, verdict.reason
    assert (verdict.format, verdict.virtual_size) == (image.format, image.virtual_size)
    assert (verdict.compression, verdict.inner_size) == (kind, len(data))


MADE = {
    "vpc": [
        (),
        ("subformat=fixed",),
        ("subformat=dynamic", "force_size=on"),
        ("subformat=fixed", "force_size=on"),
    ],
    "vhdx": [(), ("subformat=fixed",), ("block_size=1M",), ("log_size=4M",)],
    "vdi": [(), ("static=on",)],
    "vmdk": [(), ("subformat=streamOptimized",), ("zeroed_grain=on",), ("adapter_type=lsilogic",)],
}
CASES = [(form, options) for form, shapes in MADE.items() for options in shapes]


def _declared(form: str) -> ImageFormat:
    return ImageFormat("vhd" if form == "vpc" else form)


@pytest.mark.parametrize(("form", "options"), CASES)
async def test_what_qemu_img_converts_passes(
    form: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    source, path = raw_file(tmp_path / "source", 40 * MIB), tmp_path / "disk"
    flags = [part for option in options for part in ("-o", option)]
    qemu_img("convert", "-f", "raw", "-O", form, *flags, source, path)
    verdict = await inspect(MemoryImage(path.read_bytes()), Expectation(_declared(form), TIB))
    assert verdict.accepted, verdict.reason
    assert 0 <= verdict.virtual_size - 40 * MIB < MIB
    assert await second_opinion(path, verdict, await Jail.strictest()) == verdict


@pytest.mark.parametrize(
    ("form", "size"), [("vpc", 2000 * GIB), ("vhdx", 8 * TIB), ("vdi", 2 * TIB), ("vmdk", 2 * TIB)]
)
async def test_a_large_fresh_disk_passes(form: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    qemu_img("create", "-f", form, path, str(size))
    verdict = await inspect(MemoryImage(path.read_bytes()), Expectation(_declared(form), 16 * TIB))
    assert verdict.accepted, verdict.reason
    assert await second_opinion(path, verdict) == verdict


async def test_a_differencing_disk_as_qemu_img_makes_it_is_refused(tmp_path: Path) -> None:
    base, path = tmp_path / "base.vmdk", tmp_path / "disk.vmdk"
    qemu_img("create", "-f", "vmdk", base, "8M")
    qemu_img("create", "-f", "vmdk", "-b", base, "-F", "vmdk", path)
    verdict = await inspect(MemoryImage(path.read_bytes()), Expectation(ImageFormat.VMDK, TIB))
    assert verdict.code == "image.parent"


@pytest.mark.parametrize("shape", ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
async def test_a_vmdk_of_several_files_is_refused(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "disk.vmdk"
    qemu_img("create", "-f", "vmdk", "-o", f"subformat={shape}", path, "8M")
    verdict = await inspect(MemoryImage(path.read_bytes()), Expectation(ImageFormat.VMDK, TIB))
    assert verdict.code == "image.data_file"


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_an_ova_of_more_than_8_gib_passes(format: Literal[1, 2]) -> None:
    envelope = ENVELOPE.format(
        doctype="", href="d.vmdk", file="", ref="file1", disk="", info="x"
    ).encode()
    pieces: dict[int, bytes] = {}
    at = 0
    for name, size, data in (("d.vmdk", 9 * GIB, Vmdk().build()), ("a.ovf", 0, envelope)):
        info = tarfile.TarInfo(name)
        info.size = size or len(data)
        header = info.tobuf(format)
        pieces |= {at: header, at + len(header): data}
        at += len(header) + -(-info.size // 512) * 512
    image = SparseImage(at + 1024, pieces)
    verdict = await inspect(image, Expectation(ImageFormat.OVA, TIB))
    assert (verdict.accepted, verdict.virtual_size) == (True, MIB), verdict.reason
    assert sum(image.reads) < 2 * MIB


@pytest.mark.parametrize("last", [0, 1 << 62 | 1 << 61])
async def test_every_l2_table_of_a_qcow2_of_1_tib_is_read(last: int) -> None:
    cluster, tables = 1 << 16, 2048
    first = 5 * cluster
    l1 = tuple(1 << 63 | first + index * cluster for index in range(tables))
    head = Qcow2(virtual_size=TIB, l1_entries=tables, l1=l1).build()
    size = first + tables * cluster
    image = SparseImage(size, {0: head, size - 8: last.to_bytes(8, "big")})
    verdict = await inspect(image, Expectation(ImageFormat.QCOW2, TIB))
    assert verdict.code == ("image.cluster" if last else ""), verdict.reason
