"""Agents that die while what they move cannot be read twice the same way, or is read for others."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from hypervisor_agent.transports.journal import sidecar
from stowage_contracts.messages.data_motion import HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    HopFinished,
    HopProgressed,
    HostJoined,
    ObjectInspected,
)
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.values import ImageFormat

from tests.failure.agent.processes import Doorway, Spawn
from tests.integration.hypervisor_agent.cloud import Cloud, commit, link_token, pool_end
from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    file_grant,
    noise,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

DATA = noise(60 * MIB + 5)


def reads(source: Source) -> GrantRedeemed:
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_stream_is_begun_again_by_the_next_agent(
    cloud: Cloud, spawn: Spawn, pool: Path, packed: bool
) -> None:
    sent = gzip.compress(DATA, 1) if packed else DATA
    source = Source(sent, ranged=packed, chunked=True, stalls_at=45 * MIB)
    async with serving(source):
        first = spawn(pool)
        order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done >= 24 * MIB)
        first.kill()
        source.stalls_at = None
        spawn(pool)
        again = cloud.order(lambda _: reads(source), pool_end(pool), epoch=2)
        await cloud.send(again)
        finished = await cloud.heard(HopFinished)
        await cloud.send(commit(again, finished))
        await cloud.heard(HopCommitted)
    assert finished.receipt is not None
    assert finished.receipt.digest == tree_digest(DATA)
    assert (pool / "volumes" / "v1").read_bytes() == DATA
    assert not list((pool / ".stowage").glob("*.part*"))


async def test_an_inspection_is_asked_for_again(cloud: Cloud, spawn: Spawn, pool: Path) -> None:
    async with serving(Source(DATA, stalls_at=40 * MIB)) as source:
        cloud.grants["read"] = lambda _: reads(source)
        first = spawn(pool)
        asked = cloud.inspection(ImageFormat.RAW, read_all=True)
        await cloud.send(asked)
        await source.reached(24 * MIB)
        first.kill()
        source.stalls_at = None
        spawn(pool)
        await cloud.send(asked)
        said = await cloud.heard(ObjectInspected)
    assert said.digest == tree_digest(DATA)


async def test_an_upload_goes_on_at_the_last_whole_part_that_was_synced(
    cloud: Cloud, spawn: Spawn, pool: Path
) -> None:
    part = pool / ".stowage" / "link.1.part"
    part.parent.mkdir()
    grant = GrantRedeemed(grant_id="link", grant=file_grant(part, writes=True))
    cloud.grants["link"] = lambda _: grant
    data = noise(150 * MIB + 77)
    door = Doorway()
    url = f"{door.base}/u/{link_token(cloud, writes=True, size=len(data))}"
    first = spawn(pool, **door.settings)
    joined = await cloud.heard(HostJoined)

    async def dying() -> AsyncIterator[bytes]:
        async for piece in _pieces(data, 0, 140 * MIB):
            yield piece
        async with asyncio.timeout(30):
            while not sidecar(part).exists():
                await asyncio.sleep(0.01)
        first.kill()
        await asyncio.sleep(30)

    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await http.put(url, data=dying(), headers=_span(data, 0))
        spawn(pool, **door.settings)
        await cloud.heard(HostJoined, 2)
        async with http.head(url) as answer:
            arrived = int(answer.headers["Upload-Offset"])
        rest = _pieces(data, arrived, len(data))
        async with http.put(url, data=rest, headers=_span(data, arrived)) as answer:
            assert answer.status == 200
    assert joined.abilities.door == door.base
    assert arrived >= 64 * MIB
    assert part.read_bytes() == data


async def _pieces(data: bytes, start: int, end: int) -> AsyncIterator[bytes]:
    for at in range(start, end, MIB):
        yield data[at : min(at + MIB, end)]


def _span(data: bytes, start: int) -> dict[str, str]:
    size = len(data)
    return {
        "Content-Range": f"bytes {start}-{size - 1}/{size}",
        "Content-Length": str(size - start),
    }
