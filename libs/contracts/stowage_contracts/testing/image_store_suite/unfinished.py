"""Writes that have not been committed, and writers that meet."""

import asyncio

import pytest

from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.plugins.image_store_driver import ObjectStat
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import Hand, bytes_of


class UnfinishedWrites(StoreRows):
    """Partial uploads, and several writers of one key."""

    async def test_an_unfinished_write_is_invisible(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        assert await hand.keys() == []
        with pytest.raises(NotFound):
            await hand.driver.stat(KEY)
        await hand.revoke(KEY, grant)

    async def test_the_same_writer_goes_on_where_it_stopped(self, hand: Hand) -> None:
        step = await hand.part_size()
        data = bytes_of(2 * step)
        before = await hand.begin(KEY, len(data))
        await hand.fill(before, data, end=step)
        after = await hand.begin(KEY, len(data), session=before.session)
        assert (after.session, after.part_size) == (before.session, before.part_size)
        if hand.driver.can.multipart:
            assert [(part.number, part.size) for part in after.done] == [(1, step)]
        await hand.fill(after, data, start=step)
        await hand.commit(KEY, after, data)
        assert await hand.get(KEY) == data

    async def test_writers_of_one_key_stay_apart_and_the_first_commit_wins(
        self, hand: Hand
    ) -> None:
        mine, theirs = bytes_of(1000, 1), bytes_of(1000, 2)
        one = await hand.begin(KEY, len(mine), "hop-1.1")
        two = await hand.begin(KEY, len(theirs), "hop-2.1")
        await hand.fill(two, theirs)
        await hand.fill(one, mine)
        await hand.commit(KEY, one, mine, "hop-1.1")
        with pytest.raises(Conflict):
            await hand.commit(KEY, two, theirs, "hop-2.1")
        await hand.revoke(KEY, two, "hop-2.1")
        assert await hand.get(KEY) == mine

    async def test_commits_at_once_have_one_winner(self, hand: Hand) -> None:
        names = ("hop-1.1", "hop-2.1", "hop-3.1")
        data = {name: bytes_of(1000, seed) for seed, name in enumerate(names)}
        grants = {name: await hand.begin(KEY, 1000, name) for name in names}
        for name in names:
            await hand.fill(grants[name], data[name])
        ended = await asyncio.gather(
            *(hand.commit(KEY, grants[name], data[name], name) for name in names),
            return_exceptions=True,
        )
        won = [name for name, end in zip(names, ended, strict=True) if isinstance(end, ObjectStat)]
        assert len(won) == 1
        assert sum(isinstance(end, Conflict) for end in ended) == len(names) - 1
        assert await hand.get(KEY) == data[won[0]]
        for name in names:
            await hand.revoke(KEY, grants[name], name)

    async def test_a_taken_key_is_not_granted_for_writing(self, hand: Hand) -> None:
        data = bytes_of(10)
        await hand.put(KEY, data)
        with pytest.raises(Conflict):
            await hand.begin(KEY, 5, "hop-2.1")
        assert await hand.get(KEY) == data
