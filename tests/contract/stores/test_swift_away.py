"""A Swift that goes away and comes back, having forgotten every token."""

from collections.abc import AsyncIterator

import pytest
from stowage_contracts.errors import Unavailable
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import Hand, bytes_of

from tests.conftest import Servers
from tests.contract.stores.swift_store import SEGMENT, swift_driver
from tests.servers.server import Server
from tests.servers.swift_server import SwiftServer, fresh_container


@pytest.fixture
def private_swift(servers: Servers) -> Server:
    """A running Swift no other process uses."""
    return servers.private("swift")


@pytest.fixture
async def hand(private_swift: Server) -> AsyncIterator[Hand]:
    server = SwiftServer.told(private_swift.exports(), "SWIFT")
    async with fresh_container(server) as container:
        driver = swift_driver(server, container, timeout_seconds=5)
        yield Hand(driver, HttpClient())
        await driver.aclose()


async def test_what_was_written_before_a_crash_is_committed_after_it(
    hand: Hand, private_swift: Server
) -> None:
    data = bytes_of(SEGMENT + 1)
    grant = await hand.begin("k", len(data))
    await hand.fill(grant, data)
    private_swift.kill()
    with pytest.raises(Unavailable) as caught:
        await hand.commit("k", grant, data)
    assert caught.value.code == "unavailable.endpoint"
    checks, _ = await hand.driver.probe()
    assert [(check.name, check.code) for check in checks if not check.ok] == [("auth", "endpoint")]
    private_swift.start()
    await hand.commit("k", grant, data)
    assert await hand.get("k") == data
    checks, _ = await hand.driver.probe()
    assert [check for check in checks if not check.ok] == []
