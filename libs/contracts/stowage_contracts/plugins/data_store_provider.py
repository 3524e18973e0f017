"""DataStoreProvider: names a kind of store, describes its settings, makes its driver."""

from typing import Protocol

from pydantic import BaseModel

from stowage_contracts.plugins.data_store_lifecycle import (
    DataStoreLifecycle,
    HypervisorHostListener,
)
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver
from stowage_contracts.values import ScopeType, StoreRole


class DataStoreProvider(Protocol):
    """One vendor's or protocol's stores (entry-point group ``stowage.data_store_provider``)."""

    name: str
    """Shown to people, e.g. ``S3``; unique ignoring case."""
    roles: tuple[StoreRole, ...]
    scopes: tuple[ScopeType, ...]
    settings: type[BaseModel]
    """Its settings; secret fields are ``SecretStr`` and are sealed before they travel."""

    def open(self, settings: BaseModel) -> ImageStoreDriver:
        """A driver for one store; no I/O yet."""
        ...

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """What a store opened by this provider does when its state changes."""
        ...

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Who hears of hosts in a store's scope; None when nobody need."""
        ...
