"""Grants open one object, in one direction, for a limited time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from stowage_contracts.errors import GrantRefused
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import ReadAsk, WriteAsk
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import SECONDS, WRITER, Hand, bytes_of
from stowage_contracts.values import TREE_LEAF


class Grants(StoreRows):
    """What a grant lets its holder do, wherever the store checks more than a path."""

    async def test_a_grant_says_when_it_ends_and_hides_its_uri(self, hand: Hand) -> None:
        await hand.put(KEY, b"x")
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=300))
        left = grant.expires - datetime.now(UTC)
        assert timedelta(seconds=270) < left <= timedelta(seconds=300)
        assert grant.uri is not None
        assert grant.uri.get_secret_value() not in repr(grant)

    async def test_who_checks_grants_is_declared(self, hand: Hand) -> None:
        assert hand.driver.can.expires is hand.client.enforces

    async def test_an_expired_grant_opens_nothing(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        await hand.put(KEY, bytes_of(10))
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=1))
        await _until_refused(lambda: hand.client.read(grant, 0, 10))

    async def test_an_expired_write_grant_takes_nothing(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        ask = WriteAsk(key=KEY, writer=WRITER, size=10, seconds=1, part_count=1)
        grant = await hand.driver.grant(ask)
        await _until_refused(lambda: hand.client.write(grant, 0, bytes_of(10)))
        await hand.revoke(KEY, grant)

    async def test_a_read_grant_does_not_write(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        data = bytes_of(10)
        await hand.put(KEY, data)
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        with pytest.raises(GrantRefused):
            await hand.client.write(_as_write(grant), 0, b"overwritten")
        assert await hand.get(KEY) == data

    async def test_a_write_grant_does_not_read(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        data = bytes_of(10)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        with pytest.raises(GrantRefused):
            await hand.client.read(_as_read(grant), 0, 10)
        await hand.revoke(KEY, grant)

    async def test_a_read_grant_opens_no_other_object(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        await hand.put("object-mine", b"mine-")
        await hand.put("object-theirs", b"theirs", "hop-2.1")
        grant = await hand.driver.grant(ReadAsk(key="object-mine", seconds=SECONDS))
        bent = _bent(grant, "object-mine", "object-theirs")
        read = b""
        with suppress(GrantRefused):
            read = await hand.client.read(bent, 0, 5)
        assert read in (b"", b"mine-")

    async def test_a_write_grant_opens_no_other_object(self, hand: Hand) -> None:
        _needs_enforcing(hand)
        mine = await hand.begin("object-mine", 5)
        theirs = await hand.begin("object-theirs", 5, "hop-2.1")
        await hand.fill(theirs, b"first", end=5)
        with suppress(GrantRefused):
            await hand.fill(_bent(mine, "object-mine", "object-theirs"), b"later")
        await hand.commit("object-theirs", theirs, b"first", "hop-2.1")
        assert await hand.get("object-theirs") == b"first"
        await hand.revoke("object-mine", mine)


def _needs_enforcing(hand: Hand) -> None:
    if not hand.driver.can.expires:
        pytest.skip("declared: nothing but the path itself guards a grant")


async def _until_refused(use: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        with suppress(GrantRefused):
            while True:
                await use()
                await asyncio.sleep(0.2)


def _as_write(grant: Grant) -> Grant:
    part = {"number": 1, "url": grant.uri}
    return Grant.model_validate(grant.model_dump() | {"part_size": TREE_LEAF, "parts": (part,)})


def _as_read(grant: Grant) -> Grant:
    uri = grant.uri or grant.parts[0].url
    return grant.model_copy(update={"uri": uri, "size": 10})


def _bent(grant: Grant, mine: str, theirs: str) -> Grant:
    """The grant with another object's name put into its URLs."""
    return Grant.model_validate_json(grant.model_dump_json().replace(mine, theirs))
