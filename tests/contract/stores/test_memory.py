"""The memory driver keeps the image store contract."""

import pytest
from stowage_contracts.grants import Grant
from stowage_contracts.testing.grant_client import GrantClient
from stowage_contracts.testing.image_store_suite import ImageStoreSuite
from stowage_stores.memory import MemoryDriver, MemoryProvider, MemorySettings, Shelf


class ShelfClient:
    """Opens memory grants; only the process that holds the shelf can."""

    enforces = True

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        return self._shelf.read(grant, offset, length)

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        self._shelf.write(grant, offset, data)


class TestMemory(ImageStoreSuite):
    @pytest.fixture
    def provider(self) -> MemoryProvider:
        return MemoryProvider()

    @pytest.fixture
    def driver(self, provider: MemoryProvider) -> MemoryDriver:
        return provider.open(MemorySettings())

    @pytest.fixture
    def grant_client(self, driver: MemoryDriver) -> GrantClient:
        return ShelfClient(driver.shelf)
