"""URLs of compressed images: unpacked on the way, the declared digest being the file's as given."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from stowage_contracts.errors import ImageRefused, SourceChanged
from stowage_contracts.values import CopyEnd, EndKind, ImageFormat

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

DATA = noise(9 * MIB) + bytes(9 * MIB) + noise(5 * MIB, seed=2) + b"end"


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("disk.img", data)
    return made.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zip": zipped,
}
PACKED = gzip.compress(DATA, 1)


def from_a_url(format: ImageFormat = ImageFormat.RAW) -> CopyEnd:
    return end(format).model_copy(update={"kind": EndKind.URL})


def digest(kind: str, data: bytes) -> str:
    return f"{kind}:{hashlib.new(kind, data).hexdigest()}"


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("served", ["ranged", "stream", "chunked"])
async def test_what_is_stored_is_what_it_unpacks_to(tmp_path: Path, kind: str, served: str) -> None:
    packed = PACKERS[kind](DATA)
    asked = order(source=from_a_url(), checksum=digest("sha256", packed))
    part = part_of(tmp_path, asked)
    facts = {"ranged": served == "ranged", "chunked": served == "chunked"}
    async with serving(Source(packed, **facts)) as source:  # type: ignore[arg-type]
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert (receipt.size, receipt.digest) == (len(DATA), tree_digest(DATA))
    assert receipt.linear == asked.checksum
    assert receipt.bytes_read <= len(packed) + 64
    assert len(source.requests) == 1 or served == "ranged"


async def test_the_declared_digest_may_be_a_tree_over_the_file_as_given(tmp_path: Path) -> None:
    asked = order(source=from_a_url(), checksum=tree_digest(PACKED))
    async with serving(Source(PACKED)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        receipt = await hop(asked, grants, make_tools(tmp_path)).run()
    assert receipt.linear == asked.checksum
    assert receipt.digest == tree_digest(DATA)


async def test_the_digest_of_the_content_is_not_the_declared_one(tmp_path: Path) -> None:
    asked = order(source=from_a_url(), checksum=digest("md5", DATA))
    part = part_of(tmp_path, asked)
    async with serving(Source(PACKED)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.checksum"
    assert not part.exists()


async def test_the_gate_judges_what_came_out(tmp_path: Path) -> None:
    image = qcow2_file(tmp_path / "disk.qcow2").read_bytes()
    async with serving(Source(gzip.compress(image))) as source:
        taken = order(source=from_a_url(ImageFormat.QCOW2), destination=end(ImageFormat.QCOW2))
        grants = from_url(source.url, part_of(tmp_path, taken))
        receipt = await hop(taken, grants, make_tools(tmp_path)).run()
        refused = order(source=from_a_url(), hop_id="h2")
        grants = from_url(source.url, part_of(tmp_path, refused))
        with pytest.raises(ImageRefused) as caught:
            await hop(refused, grants, make_tools(tmp_path)).run()
    assert receipt.verdict is not None
    assert receipt.verdict.virtual_size == 8 * MIB
    assert caught.value.code == "image.format_mismatch"


async def test_a_bomb_is_refused_with_little_written(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(400 * MIB), 9)
    asked = order(source=from_a_url())
    part = part_of(tmp_path, asked)
    async with serving(Source(packed)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.bomb"
    assert not part.exists()


async def test_more_than_is_allowed_is_refused(tmp_path: Path) -> None:
    asked = order(source=from_a_url(), max_size=len(DATA) - 1)
    async with serving(Source(PACKED)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code == "image.too_large"


@pytest.mark.parametrize("broken", [PACKED[:-9], PACKED[: len(PACKED) // 2], PACKED + b"more"])
async def test_a_broken_stream_is_refused(tmp_path: Path, broken: bytes) -> None:
    asked = order(source=from_a_url())
    async with serving(Source(broken)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code in {"image.truncated", "image.archive"}


async def test_a_source_that_drops_is_unpacked_on(tmp_path: Path) -> None:
    asked = order(source=from_a_url())
    part = part_of(tmp_path, asked)
    drops = [len(PACKED) // 3, len(PACKED) // 2]
    async with serving(Source(PACKED, drops=drops)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert receipt.digest == tree_digest(DATA)
    assert not source.drops


async def test_a_file_that_changes_half_way_is_noticed(tmp_path: Path) -> None:
    asked = order(source=from_a_url())
    async with serving(Source(PACKED, stalls_at=8 * MIB)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        running = hop(asked, grants, make_tools(tmp_path))
        copying = asyncio.create_task(running.run())
        await source.reached(4 * MIB)
        source.etag, source.stalls_at = '"two"', None
        with pytest.raises(SourceChanged):
            await copying


async def test_what_lies_on_a_store_is_copied_as_it_is(tmp_path: Path) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(Source(PACKED)) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.compressed"
