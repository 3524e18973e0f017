"""SwiftProvider: stores in a container of OpenStack Swift, or of a server that speaks its v1."""

from typing import cast

from pydantic import BaseModel
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.values import ScopeType, StoreRole

from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.driver import SwiftDriver
from stowage_stores.swift.lifecycle import SwiftLifecycle
from stowage_stores.swift.settings import SwiftSettings


class SwiftProvider:
    """OpenStack Swift with tempauth or Keystone v3, and Ceph RGW by its Swift door."""

    name: str = "Swift"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = SwiftSettings

    def open(self, settings: BaseModel) -> SwiftDriver:
        """A driver for one container; connects at its first call."""
        return SwiftDriver(SwiftConnection(SwiftSettings.model_validate(settings.model_dump())))

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Makes the container where the settings ask for it, and leaves the TempURL key."""
        own = cast(SwiftDriver, driver)
        return SwiftLifecycle(own.container, own.links)

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None
