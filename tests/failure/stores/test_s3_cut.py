"""An S3 server cut off or gone silent: told in time, harmless to others, healed by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.plugins.image_store_driver import CopyAsk, ReadAsk, RevokeAsk
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import SECONDS, Hand, bytes_of
from stowage_stores.memory import MemoryDriver, Shelf
from stowage_stores.s3 import S3Driver

from tests.contract.stores.s3_store import s3_driver
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server

PATIENCE = 60
"""Far above what any verb may take with the timeouts below."""


@pytest.fixture
async def proxy(s3_server: S3Server) -> AsyncIterator[Proxy]:
    at = urlsplit(s3_server.endpoint)
    async with Proxy(at.hostname or "", at.port or 80) as proxy:
        yield proxy


@pytest.fixture
async def driver(proxy: Proxy, s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
    server = replace(s3_server, endpoint=f"http://127.0.0.1:{proxy.port}")
    driver = s3_driver(server, s3_bucket, timeout_seconds=1)
    yield driver
    await driver.aclose()


async def verbs(hand: Hand, driver: S3Driver) -> list[Awaitable[object]]:
    return [
        driver.stat("kept"),
        hand.keys(),
        driver.grant(ReadAsk(key="kept", seconds=SECONDS)),
        hand.begin("new", 1, "hop-2.1"),
        driver.revoke(RevokeAsk(key="new", writer="hop-2.1", session="x")),
        driver.delete("other"),
        driver.copy(CopyAsk(source="kept", key="copy", writer="copy-1.1")),
        driver.write_note("kept", "note"),
        driver.read_note("kept"),
    ]


@pytest.mark.parametrize("how", ["cut", "stall"])
async def test_every_verb_ends_in_time_and_the_store_heals(
    proxy: Proxy, driver: S3Driver, how: str
) -> None:
    hand = Hand(driver, HttpClient())
    await hand.put("kept", b"kept")
    if how == "cut":
        await proxy.cut()
    else:
        proxy.stall()
    other = Hand(MemoryDriver(Shelf("s", 1000)), HttpClient())
    async with asyncio.timeout(PATIENCE):
        waiting = asyncio.gather(*await verbs(hand, driver), return_exceptions=True)
        assert (await other.driver.probe())[0][0].ok
        ended = await waiting
    assert [type(error) for error in ended] == [Unavailable] * len(ended)
    checks, _ = await driver.probe()
    assert [(check.name, check.ok) for check in checks] == [("list", False)]
    assert checks[0].code in ("endpoint", "timeout")
    await proxy.restore()
    assert await hand.get("kept") == b"kept"
    assert all(check.ok for check in (await driver.probe())[0])


async def test_a_write_goes_on_after_the_server_was_away(proxy: Proxy, driver: S3Driver) -> None:
    hand = Hand(driver, HttpClient())
    data = bytes_of(2 * (8 << 20) + 7)
    grant = await hand.begin("big", len(data))
    await hand.fill(grant, data, end=8 << 20)
    await proxy.cut()
    with pytest.raises(ConnectionError):
        await hand.fill(grant, data, start=8 << 20)
    with pytest.raises(Unavailable):
        await hand.commit("big", grant, data)
    await proxy.restore()
    again = await hand.begin("big", len(data), session=grant.session)
    assert [part.number for part in again.done] == [1]
    await hand.fill(again, data, start=8 << 20)
    await hand.commit("big", again, data)
    assert await hand.get("big") == data
