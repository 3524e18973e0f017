"""Uploads through an agent's door."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from hypervisor_agent.links import opening
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import Cloud
from tests.integration.hypervisor_agent.doors import Links, links
from tests.integration.hypervisor_agent.kit import MIB, noise

PART = 8 * MIB
DATA = noise(2 * PART) + bytes(PART) + noise(3 * MIB + 21, seed=4)


async def put(door: Links, url: str, start: int, end: int) -> aiohttp.ClientResponse:
    """One piece of DATA."""
    span = {"Content-Range": f"bytes {start}-{end - 1}/{len(DATA)}"}
    async with door.http.put(url, data=io.BytesIO(DATA[start:end]), headers=span) as answer:
        return answer


async def arrived(door: Links, url: str) -> str:
    async with door.http.head(url) as answer:
        assert answer.status == 200
        return answer.headers.get("Range", "")


async def test_a_whole_body_is_the_part(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes(size=len(DATA))
        assert await arrived(door, url) == ""
        async with door.http.put(url, data=io.BytesIO(DATA)) as answer:
            assert answer.status == 200
        assert await arrived(door, url) == f"bytes=0-{len(DATA) - 1}"
        assert {ask.size for ask in door.asked()} == {len(DATA)}
    assert door.part.read_bytes() == DATA
    assert not (pool / "u1").exists()


async def test_pieces_come_one_after_the_other_and_the_last_completes(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes()
        first = await put(door, url, 0, 2 * PART)
        assert (first.status, first.headers["Range"]) == (308, f"bytes=0-{2 * PART - 1}")
        assert await arrived(door, url) == f"bytes=0-{2 * PART - 1}"
        last = await put(door, url, 2 * PART, len(DATA))
        assert (last.status, last.headers["Upload-Offset"]) == (200, str(len(DATA)))
    assert door.part.read_bytes() == DATA


async def test_what_is_less_than_a_part_is_sent_again(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes()
        odd = await put(door, url, 0, PART + 5)
        assert odd.headers["Range"] == f"bytes=0-{PART - 1}"
        assert (await put(door, url, PART + 5, len(DATA))).status == 409
        gap = await put(door, url, 2 * PART, len(DATA))
        assert (gap.status, gap.headers["Upload-Offset"]) == (409, str(PART))
        assert (await put(door, url, PART, len(DATA))).status == 200
    assert door.part.read_bytes() == DATA


async def test_a_broken_connection_leaves_whole_parts_behind(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield DATA[: 2 * PART + MIB]
        async with asyncio.timeout(10):
            while door.part.stat().st_blocks * 512 < 2 * PART:
                await asyncio.sleep(0.01)
        raise ConnectionError

    async with links(cloud, agent_bus, pool) as door:
        url = door.writes()
        span = {
            "Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}",
            "Content-Length": str(len(DATA)),
        }
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await door.http.put(url, data=body(), headers=span)
        assert await arrived(door, url) == f"bytes=0-{2 * PART - 1}"
        assert (await put(door, url, 2 * PART, len(DATA))).status == 200
    assert door.part.read_bytes() == DATA


async def test_another_agent_goes_on_where_the_first_one_died(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes(size=len(DATA))
        await put(door, url, 0, 2 * PART)
        token = url.rpartition("/")[2]
        await door.agent.door.stop()  # type: ignore[union-attr]
        await door.agent.door.start()  # type: ignore[union-attr]
        url = door.url("u", token)
        assert await arrived(door, url) == f"bytes=0-{2 * PART - 1}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Range": "bytes 0-9/5"}, 400),
        ({"Content-Range": "bytes 5-4/50"}, 400),
        ({"Content-Range": "bytes 0-4/*"}, 400),
        ({"Content-Range": "bytes 0-99/1000"}, 400),
        ({"Content-Range": "lines 0-4/5"}, 400),
        ({}, 411),
    ],
)
async def test_a_piece_that_makes_no_sense_is_refused(
    cloud: Cloud, agent_bus: Bus, pool: Path, headers: dict[str, str], status: int
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes()
        data = _chunks() if status == 411 else b"hello"
        async with door.http.put(url, data=data, headers=headers) as answer:
            assert answer.status == status
    assert not door.part.exists()


async def _chunks() -> AsyncIterator[bytes]:
    yield b"hello"


async def test_another_length_than_announced_is_refused(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        url = door.writes(size=len(DATA) + 1)
        assert (await put(door, url, 0, len(DATA))).status == 400


async def test_an_upload_s_token_is_good_for_nothing_else(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with links(cloud, agent_bus, pool) as door:
        token = door.writes().rpartition("/")[2]
        for method, kind, status in (("GET", "u", 405), ("POST", "u", 405), ("GET", "o", 403)):
            async with door.http.request(method, door.url(kind, token)) as answer:
                assert answer.status == status


async def test_a_revoked_upload_ends_while_it_is_sent(
    cloud: Cloud, agent_bus: Bus, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "RECHECK_SECONDS", 0.05)

    async def body() -> AsyncIterator[bytes]:
        yield DATA[:PART]
        door.revoked = True
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    async with links(cloud, agent_bus, pool) as door:
        span = {"Content-Range": "bytes 0-99999999/100000000", "Content-Length": "100000000"}
        async with asyncio.timeout(20):
            with contextlib.suppress(aiohttp.ClientError):
                async with door.http.put(door.writes(), data=body(), headers=span) as answer:
                    assert answer.status == 403
        assert door.revoked


async def test_a_sender_that_sends_nothing_is_let_go(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield DATA[: PART + 1]
        await asyncio.sleep(20)

    async with links(cloud, agent_bus, pool, agent_door_stall_seconds=0.3) as door:
        url = door.writes()
        span = {
            "Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}",
            "Content-Length": str(len(DATA)),
        }
        async with asyncio.timeout(10):
            with contextlib.suppress(aiohttp.ClientError):
                async with door.http.put(url, data=body(), headers=span) as answer:
                    assert answer.status == 504
        assert await arrived(door, url) == f"bytes=0-{PART - 1}"


async def test_a_full_store_says_so(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    def full(_: RedeemGrant) -> GrantRedeemed:
        raise OutOfSpace("it is full")

    async with links(cloud, agent_bus, pool) as door:
        url = door.writes()
        cloud.grants["link"] = full
        assert (await put(door, url, 0, len(DATA))).status == 507
