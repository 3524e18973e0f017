"""Listing: complete, ordered, beyond one page."""

from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import Hand, bytes_of


class Listing(StoreRows):
    """What a store says it holds."""

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
