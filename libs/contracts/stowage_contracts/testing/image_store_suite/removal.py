"""Giving up a write, and deleting an object."""

from contextlib import suppress

import pytest

from stowage_contracts.errors import GrantRefused, NotFound
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import Hand, bytes_of


class Removal(StoreRows):
    """Revoke and delete; both may be repeated."""

    async def test_a_revoked_write_is_gone(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        for _ in range(2):
            await hand.revoke(KEY, grant)
        with pytest.raises(NotFound):
            await hand.commit(KEY, grant, data)
        assert await hand.keys() == []

    async def test_a_part_late_for_its_revoke_shows_nothing(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.revoke(KEY, grant)
        with suppress(GrantRefused):
            await hand.fill(grant, data)
        assert await hand.keys() == []
        with pytest.raises(NotFound):
            await hand.driver.stat(KEY)
        await hand.revoke(KEY, grant)
        with pytest.raises(NotFound):
            await hand.commit(KEY, grant, data)

    async def test_revoking_one_writer_leaves_another_alone(self, hand: Hand) -> None:
        data = bytes_of(1000)
        mine = await hand.begin(KEY, len(data), "hop-1.1")
        theirs = await hand.begin(KEY, len(data), "hop-1.2")
        await hand.fill(mine, data)
        await hand.revoke(KEY, theirs, "hop-1.2")
        await hand.commit(KEY, mine, data, "hop-1.1")
        assert await hand.get(KEY) == data

    async def test_revoking_a_committed_write_keeps_the_object(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        first = await hand.commit(KEY, grant, data)
        await hand.revoke(KEY, grant)
        assert await hand.commit(KEY, grant, data) == first
        assert await hand.get(KEY) == data

    async def test_delete_may_be_repeated(self, hand: Hand) -> None:
        await hand.put(KEY, b"x")
        for _ in range(2):
            await hand.driver.delete(KEY)
        assert await hand.keys() == []
        with pytest.raises(NotFound):
            await hand.driver.stat(KEY)

    async def test_delete_takes_no_other_key_along(self, hand: Hand) -> None:
        keys = ["a/b", "a/b.c", "a/bc"]
        for number, key in enumerate(keys):
            await hand.put(key, b"x", f"hop-{number}.1")
        await hand.driver.delete("a/b")
        assert await hand.keys() == keys[1:]

    async def test_a_deleted_key_may_be_written_again(self, hand: Hand) -> None:
        await hand.put(KEY, b"old")
        await hand.driver.delete(KEY)
        await hand.put(KEY, b"new", "hop-2.1")
        assert await hand.get(KEY) == b"new"
