"""S3Provider: stores in a bucket of any S3 server."""

from typing import cast

from aiobotocore.session import AioSession
from pydantic import BaseModel, SecretStr
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.values import ScopeType, StoreRole

from stowage_stores.s3.connection import S3Connection
from stowage_stores.s3.driver import S3Driver
from stowage_stores.s3.lifecycle import S3Lifecycle
from stowage_stores.s3.settings import S3Settings


class S3Provider:
    """Amazon S3, Ceph RGW, Swift's s3api and their like."""

    name: str = "S3"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = S3Settings

    def __init__(self) -> None:
        self._session = AioSession()  # keeps botocore's service descriptions, 1 s to read

    def open(self, settings: BaseModel) -> S3Driver:
        """A driver for one bucket; connects at its first call."""
        told = settings.model_dump()
        told["secret_key"] = SecretStr(getattr(told["secret_key"], "get_secret_value", str)())
        return S3Driver(S3Connection(self._session, S3Settings.model_validate(told)))

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Makes and removes a bucket where the settings ask for it."""
        return S3Lifecycle(cast(S3Driver, driver).bucket)

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None
