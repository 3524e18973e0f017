"""Objects are written whole and read whole or by ranges."""

import pytest

from stowage_contracts.errors import NotFound
from stowage_contracts.plugins.image_store_driver import ReadAsk
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import ODD_KEYS, SECONDS, Hand, bytes_of


class Objects(StoreRows):
    """Writing and reading."""

    async def test_a_committed_object_reads_back(self, hand: Hand) -> None:
        data = bytes_of(100_003)
        said = await hand.put(KEY, data)
        assert (said.key, said.size) == (KEY, len(data))
        assert await hand.driver.stat(KEY) == said
        assert await hand.get(KEY) == data

    async def test_several_parts_read_back_by_ranges(self, hand: Hand) -> None:
        size = 2 * (await hand.part_size()) + 12_345
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
