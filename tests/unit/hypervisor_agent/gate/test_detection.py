"""The content decides the format, and it must be the declared one."""

import pytest
from stowage_contracts.values import ImageFormat

from tests.images import Iso, Qcow2, gpt_disk, mbr_disk
from tests.images.foreign import ARCHIVES, COMPRESSED, FOREIGN, UNNAMED, vhd_footer
from tests.unit.hypervisor_agent.gate.judging import judge

RAW, QCOW2, ISO = ImageFormat.RAW, ImageFormat.QCOW2, ImageFormat.ISO


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("declared", [RAW, QCOW2, ISO])
async def test_a_foreign_format_is_named_and_refused_as_what_was_declared(
    name: str, declared: ImageFormat
) -> None:
    form, data = FOREIGN[name]
    verdict = await judge(data, declared)
    assert (verdict.code, verdict.format) == ("image.format_mismatch", ImageFormat(form))
    assert form in verdict.reason


@pytest.mark.parametrize("name", UNNAMED)
async def test_a_format_without_a_word_of_ours_is_refused_too(name: str) -> None:
    verdict = await judge(UNNAMED[name], RAW)
    assert (verdict.code, verdict.format) == ("image.format_mismatch", None)
    assert name in verdict.reason


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("declared", [RAW, QCOW2, ISO])
async def test_an_archive_is_refused_unopened(name: str, declared: ImageFormat) -> None:
    assert (await judge(ARCHIVES[name], declared)).code == "image.archive"


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("declared", [RAW, QCOW2, ISO, ImageFormat.OVA])
async def test_a_compressed_stream_is_named(name: str, declared: ImageFormat) -> None:
    verdict = await judge(COMPRESSED[name], declared)
    assert (verdict.code, verdict.compression) == ("image.compressed", name)


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (Qcow2().build(), RAW, QCOW2),
        (Qcow2(version=2).build(), RAW, QCOW2),
        (b"QFI\xfb", RAW, QCOW2),
        (Qcow2().build(), ISO, QCOW2),
        (Iso().build(), RAW, ISO),
        (Iso().build(), QCOW2, ISO),
        (mbr_disk(), QCOW2, RAW),
        (mbr_disk(), ISO, RAW),
        (b"\0" * 4096, ImageFormat.VMDK, RAW),
        (Qcow2().build(), ImageFormat.VMDK, QCOW2),
    ],
)
async def test_declared_and_found_must_agree_both_ways(
    data: bytes, declared: ImageFormat, found: ImageFormat
) -> None:
    verdict = await judge(data, declared)
    assert (verdict.code, verdict.format) == ("image.format_mismatch", found)


def _over(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


POLYGLOTS = {
    "iso and qcow2": Iso(system_area=Qcow2().build()[:4096]).build(),
    "qcow2 with a volume descriptor": _over(Qcow2().build(), 0x8001, b"CD001"),
    "qcow2 with a boot sector": _over(Qcow2().build(), 510, b"\x55\xaa"),
    "qcow2 with a vhd footer": Qcow2().build() + vhd_footer(),
    "iso and vmdk": Iso(system_area=b"KDMV").build(),
    "iso and tar": Iso(system_area=b"\0" * 257 + b"ustar").build(),
    "vmdk with a boot sector": b"KDMV" + mbr_disk()[4:],
}


@pytest.mark.parametrize("name", POLYGLOTS)
@pytest.mark.parametrize("declared", [RAW, QCOW2, ISO, ImageFormat.VMDK])
async def test_two_formats_at_once_are_refused_whatever_was_declared(
    name: str, declared: ImageFormat
) -> None:
    assert (await judge(POLYGLOTS[name], declared)).code == "image.polyglot"


async def test_a_bootable_iso_with_a_partition_table_is_an_iso() -> None:
    data = Iso(blocks=512, system_area=mbr_disk(32768)).build()
    assert (await judge(data, ISO)).accepted


async def test_a_bootable_iso_declared_raw_is_refused() -> None:
    verdict = await judge(Iso(system_area=mbr_disk(32768)).build(), RAW)
    assert (verdict.code, verdict.format) == ("image.format_mismatch", ISO)


@pytest.mark.parametrize(
    "data",
    [
        mbr_disk(),
        gpt_disk(),
        b"\xeb\x3c\x90MSDOS5.0".ljust(510, b"\0") + b"\x55\xaa" + b"\0" * 4096,
        (b"\0" * 1080 + b"\x53\xef").ljust(65536, b"\0"),
        b"plain text, of which nobody says what it is\n" * 100,
        b"# a script\nversion = 1\n" * 100,
        b"# text with no NUL\n" * 100 + b"\xff" * 4096,
    ],
    ids=["mbr", "gpt", "fat", "ext4", "text", "script", "text, then bytes"],
)
async def test_a_disk_without_a_format_is_raw(data: bytes) -> None:
    verdict = await judge(data, RAW)
    assert verdict.accepted
    assert (verdict.format, verdict.code) == (RAW, "")
    assert verdict.virtual_size == -(-len(data) // 512) * 512
