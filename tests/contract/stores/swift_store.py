"""A driver on a container of the tests' Swift servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.swift import SwiftDriver, SwiftProvider, SwiftSettings

from tests.servers.swift_server import SwiftServer

SEGMENT = 4 << 20
LINK_KEY = "link-key-of-the-tests"


def swift_settings(server: SwiftServer, container: str, **other: Any) -> SwiftSettings:
    """Small pages and segments, so that little data reaches the second of each."""
    told: dict[str, Any] = {
        "auth_url": server.auth_url,
        "user": server.user,
        "key": SecretStr(server.key),
        "container": container,
        "temp_url_key": SecretStr(LINK_KEY),
        "page": 5,
        "segment_bytes": SEGMENT,
    }
    return SwiftSettings.model_validate(told | other)


def swift_driver(server: SwiftServer, container: str, **other: Any) -> SwiftDriver:
    """Open, on a container that exists."""
    return SwiftProvider().open(swift_settings(server, container, **other))


@asynccontextmanager
async def opened(server: SwiftServer, container: str, **other: Any) -> AsyncIterator[Hand]:
    driver = swift_driver(server, container, **other)
    try:
        yield Hand(driver, HttpClient())
    finally:
        await driver.aclose()


def own(hand: Hand) -> SwiftDriver:
    assert isinstance(hand.driver, SwiftDriver)
    return hand.driver


async def remains(server: SwiftServer, container: str) -> dict[str, int]:
    """All containers that begin so, with how many objects they hold."""
    async with server.account() as account:
        found = [name for name in await account.names() if name.startswith(container)]
        return {name: len(await account.names(name)) for name in found}
