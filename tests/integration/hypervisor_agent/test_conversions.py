"""Hops that change the format: what arrives is what was there, verified, with no second copy."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypervisor_agent.engine.terms import Tools
from stowage_contracts.errors import ImageRefused, InvalidInput, SourceChanged
from stowage_contracts.plugins.hypervisor import Conversion
from stowage_contracts.values import EndKind, ImageFormat, Receipt

from tests.images.honest import qcow2_file, qemu_img, raw_file
from tests.integration.hypervisor_agent.kit import (
    MIB,
    GivenGrants,
    end,
    file_grant,
    from_url,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

SIZE = 20 * MIB + 512
RAW, QCOW2 = ImageFormat.RAW, ImageFormat.QCOW2


class NoQemu:
    """A hypervisor that must not be asked."""

    async def convert(self, job: Conversion) -> None:
        raise AssertionError(f"{job} needs no qemu-img")


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return make_tools(tmp_path)


@pytest.fixture
def ours(tools: Tools) -> Tools:
    return replace(tools, hypervisor=NoQemu())  # type: ignore[arg-type]


def raw_disk(folder: Path) -> Path:
    path = raw_file(folder / "disk.raw", SIZE)
    with path.open("r+b") as file:
        file.seek(9 * MIB)
        file.write(noise(3 * MIB))
    return path


def qcow2_disk(folder: Path, *flags: str) -> Path:
    path = folder / "disk.qcow2"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", *flags, raw_disk(folder), path)
    return path


async def moved(
    tools: Tools, grants: GivenGrants, source: ImageFormat, to: ImageFormat, **facts: object
) -> Receipt:
    asked = order(source=end(source), destination=end(to), **facts)
    async with asyncio.timeout(30):
        return await hop(asked, grants, tools).run()


def between(source: Path, part: Path) -> GivenGrants:
    return GivenGrants(lambda: file_grant(source), lambda _: file_grant(part, writes=True))


def check(receipt: Receipt, part: Path) -> None:
    stored = part.read_bytes()
    assert (receipt.size, receipt.digest) == (len(stored), tree_digest(stored))
    assert receipt.part == part.name
    assert receipt.verdict is not None
    assert receipt.verdict.accepted


def same(one: Path, other: Path, formats: tuple[str, str]) -> None:
    qemu_img("compare", "-f", formats[0], "-F", formats[1], one, other)


async def test_a_raw_file_becomes_a_qcow2_in_one_pass(ours: Tools, tmp_path: Path) -> None:
    disk, part = raw_disk(tmp_path), part_of(tmp_path, order())
    checksum = f"sha256:{hashlib.sha256(disk.read_bytes()).hexdigest()}"
    receipt = await moved(ours, between(disk, part), RAW, QCOW2, checksum=checksum)
    check(receipt, part)
    same(disk, part, ("raw", "qcow2"))
    assert receipt.linear == checksum
    assert [path.name for path in part.parent.iterdir()] == [part.name]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_raw_url_becomes_a_qcow2_in_one_pass(
    ours: Tools, tmp_path: Path, chunked: bool
) -> None:
    disk, part = raw_disk(tmp_path), part_of(tmp_path, order())
    checksum = f"sha256:{hashlib.sha256(disk.read_bytes()).hexdigest()}"
    async with serving(Source(disk.read_bytes(), chunked=chunked, ranged=not chunked)) as source:
        grants = from_url(source.url, part)
        receipt = await moved(ours, grants, RAW, QCOW2, checksum=checksum)
    check(receipt, part)
    same(disk, part, ("raw", "qcow2"))


async def test_what_hides_another_format_never_becomes_a_qcow2(ours: Tools, tmp_path: Path) -> None:
    hiding, part = qcow2_file(tmp_path / "hiding.qcow2"), part_of(tmp_path, order())
    with pytest.raises(ImageRefused) as refused:
        await moved(ours, between(hiding, part), RAW, QCOW2)
    assert refused.value.code == "image.format_mismatch"
    assert not part.exists()


@pytest.mark.parametrize("flags", [(), ("-c",)])
async def test_a_qcow2_file_is_read_in_place_and_verified(
    ours: Tools, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    disk, part = qcow2_disk(tmp_path, *flags), part_of(tmp_path, order())
    told = tree_digest(disk.read_bytes())
    receipt = await moved(ours, between(disk, part), QCOW2, RAW, digest=told)
    check(receipt, part)
    same(part, disk, ("raw", "qcow2"))
    assert {path.name for path in part.parent.iterdir()} <= {part.name, f"{part.name}.journal"}


async def test_a_qcow2_file_with_another_digest_is_refused(ours: Tools, tmp_path: Path) -> None:
    disk, part = qcow2_disk(tmp_path), part_of(tmp_path, order())
    with pytest.raises(ImageRefused) as refused:
        await moved(ours, between(disk, part), QCOW2, RAW, digest=tree_digest(b"other"))
    assert refused.value.code == "image.digest"
    assert not part.exists()


async def test_a_qcow2_url_is_fetched_and_judged_before_it_is_read(
    ours: Tools, tmp_path: Path
) -> None:
    disk, part = qcow2_disk(tmp_path, "-c"), part_of(tmp_path, order())
    url_end = end(QCOW2).model_copy(update={"kind": EndKind.URL})
    async with serving(Source(disk.read_bytes())) as source:
        asked = order(source=url_end, destination=end(RAW))
        receipt = await hop(asked, from_url(source.url, part), ours).run()
    check(receipt, part)
    same(part, disk, ("raw", "qcow2"))
    assert not list(part.parent.glob("*.src.part*"))


@pytest.mark.parametrize("option", ["extended_l2=on,cluster_size=128k", "compression_type=zstd"])
async def test_what_we_do_not_read_goes_by_qemu_in_place(
    tools: Tools, tmp_path: Path, option: str
) -> None:
    flags = ("-c", "-o", option) if "zstd" in option else ("-o", option)
    disk, part = qcow2_disk(tmp_path, *flags), part_of(tmp_path, order())
    receipt = await moved(tools, between(disk, part), QCOW2, RAW)
    check(receipt, part)
    same(part, disk, ("raw", "qcow2"))


@pytest.mark.parametrize("other", ["vmdk", "vhd", "vhdx", "vdi"])
async def test_foreign_formats_become_ours_and_back(
    tools: Tools, tmp_path: Path, other: str
) -> None:
    driver = {"vhd": "vpc"}.get(other, other)
    disk, format = qcow2_disk(tmp_path), ImageFormat(other)
    part = part_of(tmp_path, order())
    check(await moved(tools, between(disk, part), QCOW2, format), part)
    same(part, disk, (driver, "qcow2"))
    foreign = part.rename(tmp_path / "foreign")
    for wanted in (RAW, QCOW2):
        part.unlink(missing_ok=True)
        check(await moved(tools, between(foreign, part), format, wanted), part)
        same(part, disk, (wanted.value, "qcow2"))


async def test_a_conversion_never_touches_what_was_committed(tools: Tools, tmp_path: Path) -> None:
    disk, part = qcow2_disk(tmp_path), part_of(tmp_path, order())
    part.write_bytes(b"committed")
    (tmp_path / "its-name").hardlink_to(part)
    for wanted in (RAW, ImageFormat.VDI):
        with pytest.raises(Exception, match="committed"):
            await moved(tools, between(disk, part), QCOW2, wanted)
    assert part.read_bytes() == b"committed"


async def test_a_source_written_to_meanwhile_is_noticed(tools: Tools, tmp_path: Path) -> None:
    disk, part = qcow2_disk(tmp_path), part_of(tmp_path, order())

    class Writes:
        async def convert(self, job: Conversion) -> None:
            await tools.hypervisor.convert(job)
            disk.write_bytes(disk.read_bytes())

    with pytest.raises(SourceChanged):
        await moved(
            replace(tools, hypervisor=Writes()),  # type: ignore[arg-type]
            between(disk, part),
            QCOW2,
            ImageFormat.VDI,
        )


async def test_a_qcow2_is_not_made_where_there_are_no_files(ours: Tools, tmp_path: Path) -> None:
    disk = raw_disk(tmp_path)
    session = url_grant("http://127.0.0.1:1/").model_copy(
        update={"session": "s", "part_size": 16 * MIB, "writes": True}
    )
    with pytest.raises(InvalidInput):
        await moved(ours, GivenGrants(lambda: file_grant(disk), lambda _: session), RAW, QCOW2)


async def test_a_qcow2_wider_than_the_file_system_becomes_raw(ours: Tools, tmp_path: Path) -> None:
    disk, part = tmp_path / "wide.qcow2", part_of(tmp_path, order())
    qemu_img("create", "-f", "qcow2", disk, "8T")
    receipt = await moved(ours, between(disk, part), QCOW2, RAW)
    assert receipt.size == part.stat().st_size == 8 << 40
    assert part.stat().st_blocks == 0
