"""Unfinished writes a store tells of (``can.lists_writes``)."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from stowage_contracts.plugins.image_store_driver import (
    ImageStoreDriver,
    OpenWrite,
    RevokeAsk,
    WriteLister,
)
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import WRITER, Hand, bytes_of


class OpenWrites(StoreRows):
    """Whatever a dead writer left can be found and revoked."""

    @pytest.fixture
    def lister(self, driver: ImageStoreDriver) -> WriteLister:
        """The driver, where it declares the ability."""
        if not driver.can.lists_writes:
            pytest.skip("declared: unfinished writes can't be listed")
        return cast(WriteLister, driver)

    async def test_an_unfinished_write_is_told_and_can_be_revoked(
        self, hand: Hand, lister: WriteLister
    ) -> None:
        data = bytes_of(1000)
        await hand.fill(await hand.begin(KEY, len(data)), data)
        (found,) = await _told(lister)
        assert found.key == KEY
        assert found.writer in ("", WRITER)
        assert found.size in (None, len(data))
        now = datetime.now(UTC)
        assert found.began is None or abs(now - found.began) < timedelta(hours=1)
        assert OpenWrite.model_validate_json(found.model_dump_json()) == found
        await hand.driver.revoke(_ask(found))
        assert await _told(lister) == []

    async def test_what_ended_is_told_no_more(self, hand: Hand, lister: WriteLister) -> None:
        await hand.put("committed", b"data", "hop-1.1")
        grant = await hand.begin("revoked", 10, "hop-2.1")
        await hand.fill(grant, bytes_of(10))
        await hand.revoke("revoked", grant, "hop-2.1")
        assert await _told(lister) == []

    async def test_many_unfinished_writes_are_all_told(
        self, hand: Hand, lister: WriteLister
    ) -> None:
        keys = [f"many/{number:04}" for number in range(self.more_than_a_page)]
        for number, key in enumerate(keys):
            await hand.fill(await hand.begin(key, 1, f"hop-{number}.1"), b"x")
        found = await _told(lister)
        assert sorted(write.key for write in found) == keys
        for write in found:
            await hand.driver.revoke(_ask(write))
        assert await _told(lister) == []


def _ask(found: OpenWrite) -> RevokeAsk:
    """As a sweeper asks, who knows no writer but the one told."""
    return RevokeAsk(key=found.key, writer=found.writer or "sweeper.1", session=found.session)


async def _told(lister: WriteLister) -> list[OpenWrite]:
    return [found async for found in lister.writes()]
