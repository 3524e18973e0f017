"""Images as qemu-img and others make them pass, and qemu-img agrees."""

from pathlib import Path

import pytest
from hypervisor_agent.gate import Expectation, Jail, inspect, second_opinion
from stowage_contracts.values import ImageFormat, Verdict

from tests.images import Iso, MemoryImage, gpt_disk, mbr_disk
from tests.images.honest import qcow2_file, qemu_img, raw_file

GIB = 1 << 30
TIB = 1 << 40


async def _both(path: Path, declared: ImageFormat) -> Verdict:
    """The gate's verdict, which must survive the second opinion."""
    verdict = await inspect(MemoryImage(path.read_bytes()), Expectation(declared, 16 * TIB))
    assert verdict.accepted, verdict.reason
    assert await second_opinion(path, verdict, await Jail.strictest()) == verdict
    return verdict


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("compat=0.10",),
        ("compat=1.1",),
        ("compat=0.10", "cluster_size=4k"),
        ("lazy_refcounts=on",),
        ("extended_l2=on",),
        ("extended_l2=on", "cluster_size=16k"),
        ("cluster_size=512",),
        ("cluster_size=2M",),
        ("refcount_bits=1",),
        ("refcount_bits=64",),
        ("preallocation=metadata",),
        ("preallocation=falloc",),
        ("preallocation=full",),
    ],
    ids=" ".join,
)
async def test_an_uncompressed_qcow2_passes(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = qcow2_file(tmp_path / "disk.qcow2", options)
    assert (await _both(path, ImageFormat.QCOW2)).virtual_size == 8 << 20


@pytest.mark.parametrize("cluster", ["512", "4k", "64k", "2M"])
@pytest.mark.parametrize("kind", ["compression_type=zlib", "compression_type=zstd", "compat=0.10"])
async def test_a_compressed_qcow2_passes(tmp_path: Path, cluster: str, kind: str) -> None:
    options = (kind, f"cluster_size={cluster}")
    path = qcow2_file(tmp_path / "disk.qcow2", options, compress=True)
    await _both(path, ImageFormat.QCOW2)


@pytest.mark.parametrize("options", [(), ("-o", "compat=0.10"), ("-o", "cluster_size=2M")])
@pytest.mark.parametrize("size", [512, GIB + 512, 8 * TIB])
async def test_a_fresh_qcow2_passes_whatever_its_size(
    tmp_path: Path, options: tuple[str, ...], size: int
) -> None:
    path = tmp_path / "disk.qcow2"
    qemu_img("create", "-f", "qcow2", *options, path, str(size))
    assert (await _both(path, ImageFormat.QCOW2)).virtual_size == size


async def test_a_qcow2_that_was_resized_and_had_a_bitmap_and_a_snapshot_passes(
    tmp_path: Path,
) -> None:
    path = qcow2_file(tmp_path / "disk.qcow2")
    qemu_img("bitmap", "--add", path, "changes")
    qemu_img("snapshot", "-c", "before", path)
    qemu_img("snapshot", "-d", "before", path)
    qemu_img("resize", "-f", "qcow2", path, "1G")
    assert (await _both(path, ImageFormat.QCOW2)).virtual_size == GIB


async def test_a_qcow2_rebased_onto_nothing_passes(tmp_path: Path) -> None:
    base = raw_file(tmp_path / "base.raw", 1 << 20)
    path = tmp_path / "disk.qcow2"
    qemu_img("create", "-f", "qcow2", "-b", base, "-F", "raw", path)
    image = MemoryImage(path.read_bytes())
    before = await inspect(image, Expectation(ImageFormat.QCOW2, TIB))
    assert before.code == "image.backing_file"
    qemu_img("rebase", "-f", "qcow2", "-b", "", path)
    await _both(path, ImageFormat.QCOW2)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1000])
async def test_a_raw_disk_passes(tmp_path: Path, size: int) -> None:
    await _both(raw_file(tmp_path / "disk.raw", size), ImageFormat.RAW)


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (mbr_disk(), ImageFormat.RAW),
        (gpt_disk(), ImageFormat.RAW),
        (Iso().build(), ImageFormat.ISO),
    ],
    ids=["mbr", "gpt", "iso"],
)
async def test_a_disk_of_ours_passes(tmp_path: Path, data: bytes, declared: ImageFormat) -> None:
    path = tmp_path / "disk"
    path.write_bytes(data)
    assert (await _both(path, declared)).virtual_size == len(data)


@pytest.mark.parametrize("form", ["vmdk", "vpc", "vhdx", "vdi", "qed", "parallels"])
async def test_what_qemu_img_makes_of_other_formats_is_recognised(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / "disk"
    qemu_img("create", "-f", form, path, "8M")
    image = MemoryImage(path.read_bytes())
    verdict = await inspect(image, Expectation(ImageFormat.RAW, TIB))
    assert verdict.code == "image.format_mismatch"
    assert verdict.format == ImageFormat("vhd" if form == "vpc" else form)


@pytest.mark.parametrize("form", ["fixed", "dynamic"])
async def test_both_kinds_of_vhd_are_recognised(tmp_path: Path, form: str) -> None:
    path = tmp_path / "disk"
    qemu_img("create", "-f", "vpc", "-o", f"subformat={form}", path, "8M")
    image = MemoryImage(path.read_bytes())
    verdict = await inspect(image, Expectation(ImageFormat.RAW, TIB))
    assert verdict.format is ImageFormat.VHD


@pytest.mark.parametrize("options", ["backing_file", "data_file", "encrypt"])
async def test_what_qemu_img_hides_outside_or_encrypts_is_refused(
    tmp_path: Path, options: str
) -> None:
    path, other = tmp_path / "disk", raw_file(tmp_path / "other.raw", 1 << 20)
    argv = {
        "backing_file": ("-b", other, "-F", "raw"),
        "data_file": ("-o", f"data_file={tmp_path / 'data'},data_file_raw=on"),
        "encrypt": (
            "--object",
            "secret,id=key,data=secret",
            "-o",
            "encrypt.format=aes,encrypt.key-secret=key",
        ),
    }[options]
    qemu_img("create", "-f", "qcow2", *argv, path, "1M")
    image = MemoryImage(path.read_bytes())
    verdict = await inspect(image, Expectation(ImageFormat.QCOW2, TIB))
    assert verdict.code == f"image.{options}".replace("encrypt", "encrypted")
