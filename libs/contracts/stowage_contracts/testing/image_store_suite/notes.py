"""Small texts kept beside objects (``can.notes``)."""

from typing import cast

import pytest

from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver, NoteKeeper
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import ODD_KEYS, UNSAFE_KEYS, Hand


class Notes(StoreRows):
    """Written, replaced, read, gone with their object, never listed."""

    @pytest.fixture
    def keeper(self, driver: ImageStoreDriver) -> NoteKeeper:
        """The driver, where it declares the ability."""
        if not driver.can.notes:
            pytest.skip("declared: no notes")
        return cast(NoteKeeper, driver)

    async def test_a_note_is_read_as_written_and_replaced(
        self, hand: Hand, keeper: NoteKeeper
    ) -> None:
        await hand.put(KEY, b"data")
        for text in ("{}", '{"käse": "図"}\n', "x" * 65536, ""):
            await keeper.write_note(KEY, text)
            assert await keeper.read_note(KEY) == text

    async def test_notes_are_not_objects(self, hand: Hand, keeper: NoteKeeper) -> None:
        await hand.put(KEY, b"data")
        await keeper.write_note(KEY, "note")
        assert await hand.keys() == [KEY]
        assert await hand.get(KEY) == b"data"

    async def test_a_note_goes_with_its_object(self, hand: Hand, keeper: NoteKeeper) -> None:
        for number, key in enumerate(("a/b", "a/bc")):
            await hand.put(key, b"data", f"hop-{number}.1")
            await keeper.write_note(key, key)
        await hand.driver.delete("a/b")
        with pytest.raises(NotFound):
            await keeper.read_note("a/b")
        assert await keeper.read_note("a/bc") == "a/bc"
        await hand.driver.delete("a/b")

    async def test_an_absent_note_is_not_found(self, hand: Hand, keeper: NoteKeeper) -> None:
        await hand.put(KEY, b"data")
        for key in (KEY, "nothing"):
            with pytest.raises(NotFound):
                await keeper.read_note(key)

    async def test_odd_names_have_notes(self, hand: Hand, keeper: NoteKeeper) -> None:
        for number, key in enumerate(ODD_KEYS):
            await hand.put(key, b"", f"hop-{number}.1")
            await keeper.write_note(key, key)
        assert [await keeper.read_note(key) for key in ODD_KEYS] == list(ODD_KEYS)

    async def test_what_is_too_long_or_unsafe_is_refused(self, keeper: NoteKeeper) -> None:
        with pytest.raises(InvalidInput):
            await keeper.write_note(KEY, "x" * 65537)
        for key in UNSAFE_KEYS:
            with pytest.raises(InvalidInput):
                await keeper.write_note(key, "note")
            with pytest.raises(InvalidInput):
                await keeper.read_note(key)
