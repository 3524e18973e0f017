"""What every ImageStoreDriver must do. Subclass it and give a ``driver`` fixture::

    class TestAcme(ImageStoreSuite):
        @pytest.fixture
        def driver(self, tmp_path):
            return AcmeProvider().open(AcmeSettings(folder=tmp_path))

The store must be empty, and of this test alone.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stowage_contracts.errors import Conflict, GrantRefused, InvalidInput, NotFound
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    ImageStoreDriver,
    ObjectStat,
    ReadAsk,
    WriteAsk,
)
from stowage_contracts.testing.grant_client import GrantClient, client_for
from stowage_contracts.testing.store_hand import (
    ODD_KEYS,
    SECONDS,
    UNSAFE_KEYS,
    WRITER,
    Hand,
    bytes_of,
)
from stowage_contracts.values import TREE_LEAF

KEY = "template/2f9f1c1e/1/disk.qcow2"


@pytest.mark.asyncio
class ImageStoreSuite:
    """Every behaviour an image store promises."""

    more_than_a_page = 40
    """How many objects need a second page when listed."""

    @pytest.fixture
    def grant_client(self, driver: ImageStoreDriver) -> GrantClient:
        """Override for a scheme other than file, http and https."""
        return client_for(driver.can.schemes[0])

    @pytest.fixture
    def hand(self, driver: ImageStoreDriver, grant_client: GrantClient) -> Hand:
        """Owner and agent in one."""
        return Hand(driver, grant_client)

    # --- the store itself

    async def test_probe_passes_and_leaves_nothing(self, hand: Hand) -> None:
        checks, capacity = await hand.driver.probe()
        assert checks
        assert [check for check in checks if not check.ok] == []
        assert capacity.total_bytes is None or capacity.total_bytes > 0
        assert await hand.keys() == []

    async def test_abilities_name_a_scheme(self, driver: ImageStoreDriver) -> None:
        assert driver.can.schemes
        assert driver.can.root if "file" in driver.can.schemes else not driver.can.root

    async def test_unsafe_keys_are_refused_by_every_verb(self, hand: Hand) -> None:
        for key in UNSAFE_KEYS:
            for call in (
                hand.driver.stat(key),
                hand.driver.delete(key),
                hand.driver.grant(ReadAsk(key=key, seconds=SECONDS)),
                hand.driver.grant(WriteAsk(key=key, writer=WRITER, size=1, seconds=SECONDS)),
                hand.commit(key, Grant(expires=datetime.now(UTC)), b""),
            ):
                with pytest.raises(InvalidInput):
                    await call

    async def test_unsafe_writers_are_refused(self, hand: Hand) -> None:
        for writer in ("", "../x", "a/b", "a\0", ".x"):
            with pytest.raises(InvalidInput):
                await hand.begin(KEY, 1, writer)

    # --- writing and reading

    async def test_a_committed_object_reads_back(self, hand: Hand) -> None:
        data = bytes_of(100_003)
        said = await hand.put(KEY, data)
        assert (said.key, said.size) == (KEY, len(data))
        assert await hand.driver.stat(KEY) == said
        assert await hand.get(KEY) == data

    async def test_several_parts_read_back_by_ranges(self, hand: Hand) -> None:
        size = 2 * (await self._part_size(hand)) + 12_345
        data = bytes_of(size)
        await hand.put(KEY, data)
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        assert grant.ranged
        for offset, length in ((0, 1), (1, 70_000), (size // 2, 12_345), (size - 1, 1)):
            assert await hand.client.read(grant, offset, length) == data[offset : offset + length]
        assert await hand.get(KEY) == data

    async def test_an_empty_object_is_an_object(self, hand: Hand) -> None:
        assert (await hand.put(KEY, b"")).size == 0
        assert (await hand.driver.stat(KEY)).size == 0
        assert await hand.get(KEY) == b""
        assert await hand.keys() == [KEY]

    async def test_odd_names_are_kept(self, hand: Hand) -> None:
        for number, key in enumerate(ODD_KEYS):
            await hand.put(key, bytes_of(10, number), f"hop-{number}.1")
        assert await hand.keys() == sorted(ODD_KEYS, key=str.encode)
        for number, key in enumerate(ODD_KEYS):
            assert await hand.get(key) == bytes_of(10, number)

    async def test_another_content_has_another_validator(self, hand: Hand) -> None:
        first = await hand.put(KEY, bytes_of(1000, 1))
        await hand.driver.delete(KEY)
        second = await hand.put(KEY, bytes_of(1000, 2), "hop-2.1")
        assert first.validator != second.validator
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        assert grant.validator == second.validator

    async def test_what_is_absent_is_not_found(self, hand: Hand) -> None:
        with pytest.raises(NotFound):
            await hand.driver.stat(KEY)
        with pytest.raises(NotFound):
            await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))

    # --- unfinished writes

    async def test_an_unfinished_write_is_invisible(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        assert await hand.keys() == []
        with pytest.raises(NotFound):
            await hand.driver.stat(KEY)
        await hand.revoke(KEY, grant)

    async def test_the_same_writer_goes_on_where_it_stopped(self, hand: Hand) -> None:
        step = await self._part_size(hand)
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

    # --- commit

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

    # --- revoke and delete

    async def test_a_revoked_write_is_gone(self, hand: Hand) -> None:
        data = bytes_of(1000)
        grant = await hand.begin(KEY, len(data))
        await hand.fill(grant, data)
        for _ in range(2):
            await hand.revoke(KEY, grant)
        with pytest.raises(GrantRefused):
            await hand.fill(grant, data)
        with pytest.raises(NotFound):
            await hand.commit(KEY, grant, data)
        assert await hand.keys() == []

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

    async def test_a_deleted_key_may_be_written_again(self, hand: Hand) -> None:
        await hand.put(KEY, b"old")
        await hand.driver.delete(KEY)
        await hand.put(KEY, b"new", "hop-2.1")
        assert await hand.get(KEY) == b"new"

    # --- listing

    async def test_listing_is_ordered_and_goes_past_a_page(self, hand: Hand) -> None:
        keys = [f"b/{number:04}" for number in range(self.more_than_a_page)]
        keys += ["a", "b.txt", "b-/x", "c/d/e"]
        for number, key in enumerate(keys):
            await hand.put(key, b"", f"hop-{number}.1")
        assert await hand.keys() == sorted(keys)
        assert await hand.keys("b/") == keys[: self.more_than_a_page]
        assert await hand.keys("c/d") == ["c/d/e"]
        assert await hand.keys("nothing/") == []

    async def test_listing_tells_sizes(self, hand: Hand) -> None:
        said = await hand.put(KEY, bytes_of(77))
        assert [found async for found in hand.driver.list()] == [said]

    # --- grants

    async def test_a_grant_says_when_it_ends_and_hides_its_uri(self, hand: Hand) -> None:
        await hand.put(KEY, b"x")
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=300))
        left = grant.expires - datetime.now(UTC)
        assert timedelta(seconds=270) < left <= timedelta(seconds=300)
        assert grant.uri is not None
        assert grant.uri.get_secret_value() not in repr(grant)

    async def test_an_expired_grant_opens_nothing(self, hand: Hand) -> None:
        if not hand.client.enforces:
            pytest.skip("a path cannot expire")
        await hand.put(KEY, bytes_of(10))
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=1))
        async with asyncio.timeout(20):
            while await self._opens(hand, grant):  # noqa: ASYNC110 only time ends it
                await asyncio.sleep(0.2)

    async def test_a_read_grant_does_not_write(self, hand: Hand) -> None:
        if not hand.client.enforces:
            pytest.skip("a path has no direction")
        data = bytes_of(10)
        await hand.put(KEY, data)
        grant = await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        with pytest.raises(GrantRefused):
            await hand.client.write(_as_write(grant), 0, b"overwritten")
        assert await hand.get(KEY) == data

    async def test_part_sizes_keep_any_object_within_the_part_limit(self, hand: Hand) -> None:
        if not hand.driver.can.multipart:
            pytest.skip("not a multipart store")
        for size in (0, 1, 160 << 30, 6 << 40):
            ask = WriteAsk(key=KEY, writer=WRITER, size=size, seconds=SECONDS)
            grant = await hand.driver.grant(ask)
            assert grant.part_size % TREE_LEAF == 0
            assert size <= grant.part_size * 10_000
            await hand.revoke(KEY, grant)

    async def _part_size(self, hand: Hand) -> int:
        grant = await hand.begin("size", 64 << 20, "sizer.1")
        await hand.revoke("size", grant, "sizer.1")
        return grant.part_size or 1 << 20

    async def _opens(self, hand: Hand, grant: Grant) -> bool:
        try:
            await hand.client.read(grant, 0, 10)
        except GrantRefused:
            return False
        return True


def _as_write(grant: Grant) -> Grant:
    part = {"number": 1, "url": grant.uri}
    return Grant.model_validate(grant.model_dump() | {"part_size": TREE_LEAF, "parts": (part,)})
