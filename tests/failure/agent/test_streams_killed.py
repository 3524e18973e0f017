"""Agents that die while what they move cannot be read twice the same way, or is read for others."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from stowage_contracts.messages.data_motion import HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    HopFinished,
    HopProgressed,
    HostJoined,
    ObjectInspected,
)
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.values import ImageFormat

from tests.failure.agent.processes import Spawn, free_port
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
    grant = file_grant(part, writes=True)
    cloud.grants["link"] = lambda _: GrantRedeemed(grant_id="link", grant=grant)
    data = noise(150 * MIB + 77)
    port = free_port()
    door = {
        "STOWAGE_AGENT_DOOR_LISTEN": f"127.0.0.1:{port}",
        "STOWAGE_AGENT_DOOR_URL": "http://door",
    }
    url = f"http://127.0.0.1:{port}/u/{link_token(cloud, writes=True, size=len(data))}"
    first = spawn(pool, **door)
    joined = await cloud.heard(HostJoined)
    async with aiohttp.ClientSession() as http:

        async def body() -> AsyncIterator[bytes]:
            for at in range(0, 140 * MIB, MIB):
                yield data[at : at + MIB]
            async with asyncio.timeout(30):
                while not part.with_name(f"{part.name}.journal").exists():
                    await asyncio.sleep(0.01)
            first.kill()
            await asyncio.sleep(30)

        span = {
            "Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}",
            "Content-Length": str(len(data)),
        }
        with pytest.raises(aiohttp.ClientError):
            await http.put(url, data=body(), headers=span)
        spawn(pool, **door)
        await cloud.heard(HostJoined, 2)
        async with http.head(url) as answer:
            arrived = int(answer.headers["Upload-Offset"])
        span["Content-Range"] = f"bytes {arrived}-{len(data) - 1}/{len(data)}"
        span["Content-Length"] = str(len(data) - arrived)

        async def rest() -> AsyncIterator[bytes]:
            for at in range(arrived, len(data), MIB):
                yield data[at : at + MIB]

        async with http.put(url, data=rest(), headers=span) as answer:
            assert answer.status == 200
    assert joined.abilities.door == "http://door"
    assert arrived >= 64 * MIB
    assert part.read_bytes() == data
