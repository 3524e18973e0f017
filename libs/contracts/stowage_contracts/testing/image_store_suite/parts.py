"""Sizes of parts, and writes whose length nobody knows yet."""

import pytest

from stowage_contracts.errors import InvalidInput
from stowage_contracts.parts import count_of_parts, offset_of_part
from stowage_contracts.plugins.image_store_driver import WriteAsk
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import SECONDS, WRITER, Hand, bytes_of
from stowage_contracts.values import TREE_LEAF

_LARGEST = 5 << 40


class Parts(StoreRows):
    """Any object fits a store's part limit."""

    async def test_any_object_fits_ten_thousand_parts_of_5_gib(self, hand: Hand) -> None:
        if not hand.driver.can.multipart:
            pytest.skip("declared: no parts")
        most = hand.driver.can.max_object_bytes or _LARGEST
        for size in (0, 1, (5 << 30) + 1, 160 << 30, most):
            ask = WriteAsk(key=KEY, writer=WRITER, size=size, seconds=SECONDS)
            grant = await hand.driver.grant(ask)
            assert grant.part_size % TREE_LEAF == 0
            assert grant.part_size <= 5 << 30
            assert count_of_parts(size, grant.part_size, grant.part_growth) <= 10_000
            await hand.revoke(KEY, grant)

    async def test_a_write_may_begin_before_its_length_is_known(self, hand: Hand) -> None:
        if await self._refused(hand):
            return
        before = await hand.begin(KEY, None)
        step = before.part_size or 1 << 20
        data = bytes_of(2 * step + 77)
        await hand.fill(before, data, end=step)
        grant = await hand.begin(KEY, None, session=before.session)
        assert (grant.part_size, grant.part_growth) == (before.part_size, before.part_growth)
        await hand.fill(grant, data, start=step)
        await hand.commit(KEY, grant, data)
        assert await hand.get(KEY) == data

    async def test_an_unknown_length_may_turn_out_to_be_nothing(self, hand: Hand) -> None:
        if await self._refused(hand):
            return
        grant = await hand.begin(KEY, None)
        await hand.commit(KEY, grant, b"")
        assert await hand.get(KEY) == b""

    async def test_an_unknown_length_may_turn_out_to_be_anything(self, hand: Hand) -> None:
        if await self._refused(hand) or not hand.driver.can.multipart:
            return
        grant = await hand.begin(KEY, None)
        reach = offset_of_part(10_001, grant.part_size, grant.part_growth)
        assert reach >= (hand.driver.can.max_object_bytes or _LARGEST)
        await hand.revoke(KEY, grant)

    async def _refused(self, hand: Hand) -> bool:
        """Where it is not declared, it is refused."""
        if hand.driver.can.unknown_length:
            return False
        with pytest.raises(InvalidInput):
            await hand.begin(KEY, None)
        return True
