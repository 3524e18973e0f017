"""A user's URL into a file part, over a real HTTP server that misbehaves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypervisor_agent.transports.journal import sidecar
from stowage_contracts.errors import (
    ImageRefused,
    SourceChanged,
    SourceRefused,
    Stalled,
    StowageError,
    Unavailable,
)
from stowage_contracts.values import ImageFormat

from tests.images.honest import qcow2_file
from tests.integration.hypervisor_agent.kit import (
    MIB,
    end,
    from_url,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

SIZE = 40 * MIB + 12345
DATA = noise(SIZE)


@pytest.mark.parametrize("ranged", [True, False])
async def test_the_part_is_the_source_and_the_receipt_says_so(tmp_path: Path, ranged: bool) -> None:
    checksum = f"sha512:{hashlib.sha512(DATA).hexdigest()}"
    asked = order(checksum=checksum)
    part = part_of(tmp_path, asked)
    async with serving(Source(DATA, ranged=ranged)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert receipt.digest == tree_digest(DATA)
    assert receipt.linear == checksum
    assert (receipt.size, receipt.part, receipt.bytes_sent) == (SIZE, part.name, SIZE)
    assert receipt.verdict is not None
    assert receipt.verdict.accepted


@pytest.mark.parametrize("ranged", [True, False])
async def test_a_source_that_drops_twice_is_read_on(tmp_path: Path, ranged: bool) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    drops = [SIZE * 3 // 10, SIZE * 6 // 10]
    async with serving(Source(DATA, ranged=ranged, drops=drops)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert receipt.bytes_sent == SIZE
    assert not source.drops


async def test_a_source_without_validator_cannot_be_read_on(tmp_path: Path) -> None:
    asked = order()
    source = Source(DATA, ranged=False, etag="", drops=[SIZE // 2])
    async with serving(source):
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(SourceChanged):
            await hop(asked, grants, make_tools(tmp_path)).run()


@pytest.mark.parametrize("ranged", [True, False])
async def test_a_stall_with_the_socket_open_is_noticed(tmp_path: Path, ranged: bool) -> None:
    asked = order(stall_seconds=0.5)
    async with serving(Source(DATA, ranged=ranged, stalls_at=SIZE // 2)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(Stalled) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.resource


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"claimed": SIZE + 1000, "ranged": False}, SourceRefused, "source.length"),
        ({"claimed": SIZE + 20 * MIB}, SourceRefused, "source.length"),
        ({"always_drops": SIZE // 2}, Unavailable, "unavailable.dropped"),
        ({"status": 404}, SourceRefused, "source.not_found"),
        ({"status": 503}, Unavailable, "unavailable.source"),
    ],
)
async def test_a_bad_source_ends_in_its_code(
    tmp_path: Path, fault: dict[str, object], kind: type[StowageError], code: str
) -> None:
    asked = order()
    async with serving(Source(DATA, **fault)) as source:  # type: ignore[arg-type]
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(kind) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    problem = caught.value.problem
    assert problem.code == code
    assert problem.resource
    assert problem.cause


async def test_a_changed_etag_is_a_changed_source(tmp_path: Path) -> None:
    asked = order()
    source = Source(DATA)
    tools = make_tools(tmp_path)
    running = hop(asked, from_url("", part_of(tmp_path, asked)), tools)
    async with serving(source):
        grants = from_url(source.url, part_of(tmp_path, asked))
        running = hop(asked, grants, tools)

        async def change(step: str) -> None:
            if step == "opened":
                source.etag = '"two"'

        object.__setattr__(tools, "step", change)
        with pytest.raises(SourceChanged):
            await running.run()


async def test_a_wrong_checksum_is_refused_and_the_part_deleted(tmp_path: Path) -> None:
    asked = order(checksum="md5:" + "0" * 32)
    part = part_of(tmp_path, asked)
    async with serving(Source(DATA)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.checksum"
    assert not part.exists()
    assert not sidecar(part).exists()


async def test_a_wrong_tree_digest_is_refused(tmp_path: Path) -> None:
    asked = order(digest="sha256-tree-4m:" + "0" * 64)
    async with serving(Source(DATA)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code == "image.digest"


async def test_a_tree_digest_may_be_the_checksum(tmp_path: Path) -> None:
    declared = tree_digest(DATA)
    asked = order(checksum=declared, digest=declared)
    part = part_of(tmp_path, asked)
    async with serving(Source(DATA)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert (receipt.digest, receipt.linear) == (declared, declared)


async def test_a_wrong_tree_checksum_is_refused_beside_a_right_digest(tmp_path: Path) -> None:
    asked = order(checksum="sha256-tree-4m:" + "0" * 64, digest=tree_digest(DATA))
    part = part_of(tmp_path, asked)
    async with serving(Source(DATA)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.checksum"
    assert not part.exists()


async def test_the_gate_refuses_a_lie_about_the_format(tmp_path: Path) -> None:
    image = qcow2_file(tmp_path / "disk.qcow2").read_bytes()
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(Source(image)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.format_mismatch"
    assert not part.exists()


async def test_too_many_bytes_are_refused_before_any_is_written(tmp_path: Path) -> None:
    asked = order(max_size=SIZE - 1)
    part = part_of(tmp_path, asked)
    async with serving(Source(DATA)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.too_large"
    assert not part.exists()


async def test_zeros_become_holes(tmp_path: Path) -> None:
    data = bytes(24 * MIB) + noise(MIB) + bytes(23 * MIB + 5)
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(Source(data)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == data
    assert receipt.digest == tree_digest(data)
    assert receipt.bytes_sent == MIB
    assert part.stat().st_blocks * 512 <= 2 * MIB


async def test_a_format_is_changed_beside_the_destination(tmp_path: Path) -> None:
    image = qcow2_file(tmp_path / "disk.qcow2", size=32 * MIB).read_bytes()
    asked = order(source=end(ImageFormat.QCOW2))
    part = part_of(tmp_path, asked)
    async with serving(Source(image)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert receipt.size == part.stat().st_size == 32 * MIB
    assert receipt.digest == tree_digest(part.read_bytes())
    assert receipt.verdict is not None
    assert receipt.verdict.format is ImageFormat.RAW
    left = {file.name for file in part.parent.iterdir()}
    assert left == {part.name, f"{part.name}.journal"}


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1])
async def test_odd_sizes_arrive(tmp_path: Path, size: int) -> None:
    data = noise(size)
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(Source(data)) as source:
        running = hop(asked, from_url(source.url, part), make_tools(tmp_path))
        if size == 0:
            with pytest.raises(ImageRefused, match="no bytes"):
                await running.run()
            return
        receipt = await running.run()
    assert part.read_bytes() == data
    assert receipt.digest == tree_digest(data)
