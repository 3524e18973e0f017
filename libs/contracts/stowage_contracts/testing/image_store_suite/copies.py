"""Copies made by the store itself (``can.copies``)."""

import asyncio
from typing import cast

import pytest

from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.plugins.image_store_driver import (
    CopyAsk,
    ImageStoreDriver,
    ObjectStat,
    ReadAsk,
    ServerSideCopy,
)
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import SECONDS, UNSAFE_KEYS, Hand, bytes_of


class ServerSideCopies(StoreRows):
    """No byte leaves the store; what a commit promises holds for a copy too."""

    @pytest.fixture
    def copier(self, driver: ImageStoreDriver) -> ServerSideCopy:
        """The driver, where it declares the ability."""
        if not driver.can.copies:
            pytest.skip("declared: no server-side copies")
        return cast(ServerSideCopy, driver)

    async def test_a_copy_is_an_object_of_its_own(self, hand: Hand, copier: ServerSideCopy) -> None:
        data = bytes_of(100_003)
        await hand.put(KEY, data)
        said = await copier.copy(_ask(KEY, "copied/to"))
        assert (said.key, said.size) == ("copied/to", len(data))
        assert await hand.driver.stat("copied/to") == said
        await hand.driver.delete(KEY)
        assert await hand.get("copied/to") == data

    async def test_an_empty_object_is_copied(self, hand: Hand, copier: ServerSideCopy) -> None:
        await hand.put(KEY, b"")
        assert (await copier.copy(_ask(KEY, "copy"))).size == 0

    async def test_a_copy_whose_reply_was_lost_is_repeated(
        self, hand: Hand, copier: ServerSideCopy
    ) -> None:
        await hand.put(KEY, b"data")
        first = await copier.copy(_ask(KEY, "copy"))
        assert await copier.copy(_ask(KEY, "copy")) == first
        await hand.driver.delete(KEY)
        assert await copier.copy(_ask(KEY, "copy")) == first

    async def test_a_copy_never_overwrites(self, hand: Hand, copier: ServerSideCopy) -> None:
        await hand.put(KEY, b"data")
        await hand.put("taken", b"kept", "hop-2.1")
        with pytest.raises(Conflict):
            await copier.copy(_ask(KEY, "taken"))
        assert await hand.get("taken") == b"kept"

    async def test_copies_at_once_have_one_winner(self, hand: Hand, copier: ServerSideCopy) -> None:
        for name in ("one", "two"):
            await hand.put(name, name.encode(), f"put-{name}.1")
        asks = (_ask("one", "copy", "copy-1.1"), _ask("two", "copy", "copy-2.1"))
        ended = await asyncio.gather(*map(copier.copy, asks), return_exceptions=True)
        won = [isinstance(end, ObjectStat) for end in ended]
        assert sorted(won) == [False, True]
        assert isinstance(ended[won.index(False)], Conflict)
        assert await hand.get("copy") == (b"one", b"two")[won.index(True)]

    async def test_a_missing_source_is_not_found(self, hand: Hand, copier: ServerSideCopy) -> None:
        with pytest.raises(NotFound):
            await copier.copy(_ask("missing", "copy"))
        assert await hand.keys() == []

    async def test_a_copied_object_is_granted_like_any(
        self, hand: Hand, copier: ServerSideCopy
    ) -> None:
        await hand.put(KEY, bytes_of(1000))
        said = await copier.copy(_ask(KEY, "copy"))
        grant = await hand.driver.grant(ReadAsk(key="copy", seconds=SECONDS))
        assert (grant.size, grant.validator) == (1000, said.validator)
        assert await hand.client.read(grant, 10, 20) == bytes_of(1000)[10:30]

    async def test_what_lies_elsewhere_is_refused_with_the_reason(
        self, copier: ServerSideCopy
    ) -> None:
        assert copier.can_copy(KEY) == ""
        assert copier.key_of("https://elsewhere.example/x") is None
        for source in ("https://elsewhere.example/x", "ftp://x/y", "s3://", "swift://"):
            assert copier.can_copy(source)
            assert copier.key_of(source) is None
            with pytest.raises(InvalidInput):
                await copier.copy(_ask(source, "copy"))

    async def test_it_knows_its_own_objects_by_the_name_it_gives_to_others(
        self, hand: Hand, copier: ServerSideCopy
    ) -> None:
        named = copier.uri_of("folder/one")
        if not hand.driver.can.server:
            assert named == "folder/one"
            return
        assert copier.key_of(named) == "folder/one"
        assert copier.can_copy(named) == ""
        await hand.put("folder/one", b"data")
        await copier.copy(_ask(named, "copied/to"))
        assert await hand.get("copied/to") == b"data"

    async def test_copies_pass_no_unsafe_key(self, hand: Hand, copier: ServerSideCopy) -> None:
        await hand.put(KEY, b"data")
        for key in UNSAFE_KEYS:
            for ask in (_ask(KEY, key), _ask(key, "copy")):
                with pytest.raises(InvalidInput):
                    await copier.copy(ask)


def _ask(source: str, key: str, writer: str = "copy-1.1") -> CopyAsk:
    return CopyAsk(source=source, key=key, writer=writer)
