"""What every PrimaryStoreDriver must do. Subclass it and give a ``driver`` fixture.

The pool must be empty, and of this test alone.
"""

import pytest

from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    CommitAsk,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.plugins.primary_store_driver import PrimaryStoreDriver
from stowage_contracts.testing.grant_client import GrantClient, client_for
from stowage_contracts.testing.store_hand import SECONDS, WRITER, bytes_of
from stowage_contracts.values import ImageFormat

KEY = "volumes/v1"
MIB = 1024 * 1024


@pytest.mark.asyncio
class PrimaryStoreSuite:
    """Every behaviour a pool promises."""

    formats: tuple[ImageFormat, ...] = (ImageFormat.RAW, ImageFormat.QCOW2)
    """Formats it can make empty volumes of."""

    @pytest.fixture
    def grant_client(self) -> GrantClient:
        """Override for a pool whose grants aren't files."""
        return client_for("file")

    async def test_a_new_pool_is_empty(self, driver: PrimaryStoreDriver) -> None:
        assert await driver.list() == ()

    async def test_volumes_are_created_once_and_listed(self, driver: PrimaryStoreDriver) -> None:
        for format in self.formats:
            made = await driver.create(f"volumes/{format.value}", 8 * MIB, format)
            assert made.key == f"volumes/{format.value}"
        keys = [found.key for found in await driver.list()]
        assert keys == sorted(f"volumes/{format.value}" for format in self.formats)
        with pytest.raises(Conflict):
            await driver.create(keys[0], MIB, ImageFormat.RAW)

    async def test_volumes_grow_and_never_shrink(self, driver: PrimaryStoreDriver) -> None:
        for format in self.formats:
            key = f"volumes/{format.value}"
            await driver.create(key, 8 * MIB, format)
            await driver.resize(key, 16 * MIB)
            await driver.resize(key, 16 * MIB)
            with pytest.raises(Conflict):
                await driver.resize(key, 8 * MIB)
        with pytest.raises(NotFound):
            await driver.resize("volumes/none", MIB)

    async def test_deleting_is_idempotent(self, driver: PrimaryStoreDriver) -> None:
        await driver.create(KEY, MIB, self.formats[0])
        await driver.delete(KEY)
        await driver.delete(KEY)
        assert await driver.list() == ()

    async def test_a_write_is_invisible_until_it_is_committed(
        self, driver: PrimaryStoreDriver, grant_client: GrantClient
    ) -> None:
        data = bytes_of(MIB)
        await _fill(driver, grant_client, data)
        assert await driver.list() == ()
        assert (await _commit(driver, data)).size == len(data)
        assert [found.key for found in await driver.list()] == [KEY]
        grant = await driver.grant(ReadAsk(key=KEY, seconds=SECONDS))
        assert grant.size == len(data)
        assert await grant_client.read(grant, 0, len(data)) == data

    async def test_committing_twice_answers_the_same(
        self, driver: PrimaryStoreDriver, grant_client: GrantClient
    ) -> None:
        data = bytes_of(MIB)
        await _fill(driver, grant_client, data)
        assert await _commit(driver, data) == await _commit(driver, data)

    async def test_a_commit_of_nothing_is_not_found(self, driver: PrimaryStoreDriver) -> None:
        with pytest.raises(NotFound):
            await _commit(driver, b"data")

    async def test_a_commit_of_another_size_is_a_conflict(
        self, driver: PrimaryStoreDriver, grant_client: GrantClient
    ) -> None:
        data = bytes_of(MIB)
        await _fill(driver, grant_client, data)
        with pytest.raises(Conflict):
            await _commit(driver, data[:-1])
        assert await driver.list() == ()

    async def test_a_revoked_write_cannot_be_committed(
        self, driver: PrimaryStoreDriver, grant_client: GrantClient
    ) -> None:
        data = bytes_of(MIB)
        await _fill(driver, grant_client, data)
        await driver.revoke(RevokeAsk(key=KEY, writer=WRITER))
        await driver.revoke(RevokeAsk(key=KEY, writer=WRITER))
        with pytest.raises(NotFound):
            await _commit(driver, data)

    async def test_an_existing_volume_is_never_overwritten(
        self, driver: PrimaryStoreDriver
    ) -> None:
        await driver.create(KEY, MIB, self.formats[0])
        with pytest.raises(Conflict):
            await driver.grant(WriteAsk(key=KEY, writer=WRITER, size=1, seconds=SECONDS))

    async def test_unsafe_keys_are_refused(self, driver: PrimaryStoreDriver) -> None:
        for key in ("", "/absolute", "../out", "a/../b", ".stowage/x"):
            with pytest.raises(InvalidInput):
                await driver.delete(key)
            with pytest.raises(InvalidInput):
                await driver.grant(ReadAsk(key=key, seconds=SECONDS))


async def _fill(driver: PrimaryStoreDriver, client: GrantClient, data: bytes) -> Grant:
    ask = WriteAsk(key=KEY, writer=WRITER, size=len(data), seconds=SECONDS)
    grant = await driver.grant(ask)
    await client.write(grant, 0, data)
    return grant


async def _commit(driver: PrimaryStoreDriver, data: bytes) -> ObjectStat:
    return await driver.commit(CommitAsk(key=KEY, writer=WRITER, size=len(data)))
