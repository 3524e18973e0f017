"""MemoryProvider: settings of a memory store."""

from pydantic import BaseModel, ConfigDict, Field
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle
from stowage_contracts.values import Bytes, Name, ScopeType, StoreRole

from stowage_stores.memory.driver import MemoryDriver
from stowage_stores.memory.shelf import Shelf


class MemorySettings(BaseModel):
    """Which shelf; there are no secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shelf: Name = "default"
    """Stores with the same shelf name see the same objects."""
    capacity_bytes: Bytes = Field(default=64 << 20)
    """More is refused as out of space."""


class MemoryProvider:
    """Stores in the memory of the process that opened them; gone with it."""

    name: str = "memory"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = MemorySettings

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf] = {}

    def open(self, settings: BaseModel) -> MemoryDriver:
        """A driver for one shelf."""
        own = MemorySettings.model_validate(settings.model_dump())
        shelf = self._shelves.setdefault(own.shelf, Shelf(own.shelf, own.capacity_bytes))
        return MemoryDriver(shelf)

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Nothing to do when its state changes."""
        return PlainLifecycle()

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None
