"""Sources that tell their length only by ending, into a file part."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypervisor_agent.engine import promises
from stowage_contracts.errors import ImageRefused, OutOfSpace, SourceChanged, SourceRefused, Stalled
from stowage_contracts.values import ImageFormat

from tests.images.honest import qcow2_file
from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
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
from tests.integration.hypervisor_agent.raw_server import RawSource, serving_raw
from tests.integration.hypervisor_agent.source_server import Source, serving

SIZE = 40 * MIB + 12345
DATA = noise(SIZE)
SUM = f"sha512:{hashlib.sha512(DATA).hexdigest()}"


def chunked(data: bytes = DATA, **facts: object) -> Source:
    return Source(data, chunked=True, ranged=False, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 16 * MIB, SIZE])
async def test_the_part_is_the_source_and_the_receipt_says_so(tmp_path: Path, size: int) -> None:
    data = DATA[:size]
    checksum = f"sha256:{hashlib.sha256(data).hexdigest()}"
    asked = order(checksum=checksum)
    part = part_of(tmp_path, asked)
    async with serving(chunked(data)) as source:
        running = hop(asked, from_url(source.url, part), make_tools(tmp_path))
        if size == 0:
            with pytest.raises(ImageRefused):
                await running.run()
            return
        receipt = await running.run()
    assert part.read_bytes() == data
    assert (receipt.size, receipt.digest, receipt.linear) == (size, tree_digest(data), checksum)
    assert receipt.verdict is not None
    assert receipt.verdict.accepted
    assert len(source.requests) == 1


async def test_zeros_are_holes_also_at_the_end(tmp_path: Path) -> None:
    data = bytes(24 * MIB) + DATA[: 8 * MIB] + bytes(24 * MIB + 99)
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(chunked(data)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == data
    assert receipt.bytes_sent == 8 * MIB
    assert part.stat().st_blocks * 512 < 9 * MIB


async def test_one_that_drops_twice_is_read_on(tmp_path: Path) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(chunked(drops=[SIZE * 3 // 10, SIZE * 6 // 10])) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert receipt.bytes_sent == SIZE
    assert not source.drops


async def test_without_a_validator_it_cannot_be_read_on(tmp_path: Path) -> None:
    asked = order()
    async with serving(chunked(etag="", drops=[SIZE // 2])) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(SourceChanged):
            await hop(asked, grants, make_tools(tmp_path)).run()


async def test_one_that_always_breaks_at_the_same_byte_is_refused(tmp_path: Path) -> None:
    asked = order()
    async with serving(chunked(always_drops=SIZE // 2)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(SourceRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code == "source.length"


async def test_a_stall_is_noticed(tmp_path: Path) -> None:
    asked = order(stall_seconds=0.5)
    async with serving(chunked(stalls_at=SIZE // 2)) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(Stalled):
            await hop(asked, grants, make_tools(tmp_path)).run()
        source.stalls_at = None


async def test_an_end_that_nothing_shows_is_believed_only_with_a_checksum(tmp_path: Path) -> None:
    async with serving_raw(RawSource(DATA, unframed=True)) as source:
        asked = order()
        with pytest.raises(SourceRefused) as caught:
            await hop(
                asked, from_url(source.url, part_of(tmp_path, asked)), make_tools(tmp_path)
            ).run()
        asked = order(hop_id="h2", checksum=SUM)
        part = part_of(tmp_path, asked)
        await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
        cut = RawSource(DATA[:-1], unframed=True)
    assert caught.value.code == "source.length_unknown"
    assert part.read_bytes() == DATA
    async with serving_raw(cut):
        with pytest.raises(ImageRefused) as refused:
            await hop(asked, from_url(cut.url, part), make_tools(tmp_path)).run()
    assert refused.value.code == "image.checksum"


async def test_more_than_is_allowed_is_refused_while_it_streams(tmp_path: Path) -> None:
    asked = order(max_size=10 * MIB)
    part = part_of(tmp_path, asked)
    async with serving(chunked()) as source:
        with pytest.raises(ImageRefused) as caught:
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert caught.value.code == "image.too_large"
    assert not part.exists()
    assert source.sent < SIZE


async def test_more_than_the_fetch_rules_allow_is_refused(tmp_path: Path) -> None:
    asked = order()
    async with serving(chunked()) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        grants.rules = LOOPBACK.model_copy(update={"max_bytes": 10 * MIB})
        with pytest.raises(SourceRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code == "source.too_large"


@pytest.mark.parametrize("told", [SIZE - 1, SIZE + 1])
async def test_another_length_than_was_told_is_a_changed_source(tmp_path: Path, told: int) -> None:
    asked = order(size=told)
    async with serving(chunked()) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        with pytest.raises(SourceChanged):
            await hop(asked, grants, make_tools(tmp_path)).run()


async def test_room_is_promised_ahead_and_to_the_byte_where_it_is_scarce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promises, "STEP", 16 * MIB)
    asked = order()
    async with serving(chunked()) as source:
        grants = from_url(source.url, part_of(tmp_path, asked))
        grants.room = SIZE
        await hop(asked, grants, make_tools(tmp_path)).run()
    assert grants.promised == [20 * MIB, 40 * MIB, SIZE]


async def test_no_more_room_ends_it_before_the_bytes_are_written(tmp_path: Path) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(chunked()) as source:
        grants = from_url(source.url, part)
        grants.room = 20 * MIB
        with pytest.raises(OutOfSpace):
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert part.stat().st_size <= 20 * MIB


async def test_a_second_attempt_forgets_the_first(tmp_path: Path) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving(chunked(drops=[SIZE // 2], etag="")) as source:
        with pytest.raises(SourceChanged):
            await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
        source.data = DATA[: 9 * MIB]
        await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA[: 9 * MIB]


async def test_a_format_is_changed_on_the_way(tmp_path: Path) -> None:
    image = qcow2_file(tmp_path / "disk.qcow2")
    asked = order(source=end(ImageFormat.QCOW2), destination=end(ImageFormat.RAW))
    part = part_of(tmp_path, asked)
    async with serving(chunked(image.read_bytes())) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert receipt.digest == tree_digest(part.read_bytes())
