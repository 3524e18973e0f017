"""The store itself: its probe, what it declares, what it refuses."""

from datetime import UTC, datetime

import pytest

from stowage_contracts.errors import InvalidInput, OutOfSpace
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver, ReadAsk, WriteAsk
from stowage_contracts.testing.image_store_suite.base import KEY, StoreRows
from stowage_contracts.testing.store_hand import SECONDS, UNSAFE_KEYS, WRITER, Hand, bytes_of

OPTIONAL = {
    "copies": ("can_copy", "key_of", "uri_of", "copy"),
    "notes": ("write_note", "read_note"),
    "lists_writes": ("writes",),
}


class StoreItself(StoreRows):
    """Probe, abilities, names."""

    async def test_probe_passes_and_leaves_nothing(self, hand: Hand) -> None:
        checks, capacity = await hand.driver.probe()
        assert checks
        assert [check for check in checks if not check.ok] == []
        assert capacity.total_bytes is None or capacity.total_bytes > 0
        assert await hand.keys() == []

    async def test_abilities_name_a_scheme(self, driver: ImageStoreDriver) -> None:
        assert driver.can.schemes
        assert driver.can.root if "file" in driver.can.schemes else not driver.can.root

    @pytest.mark.parametrize(("ability", "methods"), OPTIONAL.items())
    async def test_an_ability_is_declared_exactly_where_its_methods_are(
        self, driver: ImageStoreDriver, ability: str, methods: tuple[str, ...]
    ) -> None:
        for method in methods:
            assert hasattr(driver, method) is getattr(driver.can, ability), method

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

    async def test_an_object_larger_than_the_store_takes_is_refused_at_once(
        self, hand: Hand
    ) -> None:
        most = hand.driver.can.max_object_bytes
        if most is not None:
            with pytest.raises((InvalidInput, OutOfSpace)):
                await hand.begin(KEY, most + 1)

    async def test_whatever_a_driver_answers_survives_json(self, hand: Hand) -> None:
        checks, capacity = await hand.driver.probe()
        writing = await hand.begin("unfinished", 10, "hop-2.1")
        stat = await hand.put(KEY, bytes_of(10))
        reading = await hand.driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        for said in (*checks, capacity, hand.driver.can, writing, stat, reading):
            assert type(said).model_validate_json(said.model_dump_json()) == said
        await hand.revoke("unfinished", writing, "hop-2.1")
