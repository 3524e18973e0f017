"""A store may also read containers of its account that another cloud filled, and only those."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from stowage_contracts.errors import NotFound
from stowage_contracts.plugins.image_store_driver import ReadAsk
from stowage_contracts.testing.store_hand import Hand

from tests.contract.stores.swift_store import opened
from tests.servers.swift_server import SwiftServer


@pytest.fixture
async def foreign(swift_server: SwiftServer, swift_container: str) -> AsyncIterator[str]:
    """A container beside the store's own, with one image in it."""
    name = f"{swift_container}-203"
    async with swift_server.account() as account:
        await account.call("PUT", name)
        await account.call("PUT", f"{name}/centos.vhd", data=b"disk")
        yield name


@pytest.fixture
async def hand(swift_server: SwiftServer, swift_container: str) -> AsyncIterator[Hand]:
    others = rf"{swift_container}-\d+"
    async with opened(swift_server, swift_container, others=others) as hand:
        yield hand


async def test_a_key_that_begins_with_its_name_lies_there(hand: Hand, foreign: str) -> None:
    key = f"{foreign}/centos.vhd"
    assert (await hand.driver.stat(key)).size == 4
    grant = await hand.driver.grant(ReadAsk(key=key, seconds=60))
    assert grant.uri is not None
    async with (
        aiohttp.ClientSession() as anybody,
        anybody.get(grant.uri.get_secret_value()) as reply,
    ):
        assert await reply.read() == b"disk"


async def test_it_is_listed_by_its_name_only(hand: Hand, foreign: str) -> None:
    assert [stat.key async for stat in hand.driver.list(foreign)] == [f"{foreign}/centos.vhd"]
    assert [stat.key async for stat in hand.driver.list()] == []


async def test_one_that_is_not_there_is_empty(hand: Hand, foreign: str) -> None:
    away = foreign.removesuffix("203") + "204"
    assert [stat.key async for stat in hand.driver.list(away)] == []
    with pytest.raises(NotFound):
        await hand.driver.stat(f"{away}/centos.vhd")
