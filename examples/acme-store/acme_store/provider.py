"""AcmeProvider: the entry point ``stowage.data_store_provider``."""

from pathlib import Path

from pydantic import BaseModel, Field
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle
from stowage_contracts.values import ScopeType, StoreRole

from acme_store.driver import AcmeDriver


class AcmeSettings(BaseModel):
    """What an operator types when adding the store; a ``SecretStr`` field would be sealed."""

    folder: Path = Field(description="Where the bytes and the catalogue lie.")


class AcmeProvider:
    """Names the store, describes its settings, makes its driver."""

    name: str = "Acme"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE,)
    scopes: tuple[ScopeType, ...] = (ScopeType.REGION, ScopeType.ZONE)
    settings: type[BaseModel] = AcmeSettings

    def open(self, settings: BaseModel) -> AcmeDriver:
        """A driver for one folder."""
        return AcmeDriver(AcmeSettings.model_validate(settings.model_dump()).folder)

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Nothing to do when its state changes."""
        return PlainLifecycle()

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None
