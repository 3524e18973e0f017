"""A commit is atomic, checked, and may be repeated."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from stowage_contracts.errors import Conflict, GrantRefused, NotFound
from stowage_contracts.grants import Grant
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import Hand, bytes_of


class Commits(StoreRows):
    """What makes a write an object."""

    async def test_a_commit_whose_reply_was_lost_is_repeated(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        first = await hand.commit(KEY, grant, data)
        assert await hand.commit(KEY, grant, data) == first
        await hand.begin(KEY, len(data), session=grant.session)
        assert await hand.commit(KEY, grant, data) == first
        assert await hand.get(KEY) == data

    async def test_the_same_commit_twice_at_once_is_one(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        one, two = await asyncio.gather(*(hand.commit(KEY, grant, data) for _ in range(2)))
        assert one == two
        assert await hand.keys() == [KEY]

    async def test_nothing_to_commit_is_not_found(self, hand: Hand) -> None:
        with pytest.raises(NotFound):
            await hand.commit(KEY, Grant(expires=datetime.now(UTC), session=""), b"")

    async def test_another_size_than_the_receipt_is_refused(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        with pytest.raises(Conflict):
            await hand.commit(KEY, grant, data + b"more")
        assert await hand.keys() == []
        await hand.commit(KEY, grant, data)
        assert await hand.get(KEY) == data

    async def test_a_part_late_for_its_commit_changes_nothing(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        said = await hand.commit(KEY, grant, data)
        with suppress(GrantRefused):
            await hand.fill(grant, bytes_of(1000, 2))
        assert await hand.driver.stat(KEY) == said
        assert await hand.get(KEY) == data
