"""NfsProvider: settings of a store on an NFS export."""

import os
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, field_validator
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle
from stowage_contracts.values import ScopeType, StoreRole

from stowage_stores.nfs.driver import NfsDriver
from stowage_stores.nfs.url import NfsUrl


class NfsSettings(BaseModel):
    """Where the export is; there are no secrets."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="NFS export", use_attribute_docstrings=True
    )

    url: str = Field(
        title="URL", examples=["nfs://filer.example.org/export/images?uid=107&gid=107"]
    )
    """``nfs://server[:port]/export``, with any of ``version`` (3; 4 only where this machine has it
    mounted), ``nfsport``, ``mountport``, ``uid``, ``gid`` and ``auto-traverse-mounts`` after a
    ``?``. Other mount options can't be given."""
    deadline_seconds: float = Field(default=20, gt=0, le=3600, title="Deadline")
    """No call waits longer for the server; commits, which sync, ten times that."""

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        known = NfsUrl.parse(url)
        if known.file is not None:
            raise ValueError("an export, and no file of it")
        return str(known)


class NfsProvider:
    """Stores on NFS exports, reached without the kernel unless it has them mounted."""

    name: str = "NFS"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = NfsSettings

    def open(self, settings: BaseModel) -> NfsDriver:
        """A driver for one export; its child process begins with the first call."""
        own = NfsSettings.model_validate(settings.model_dump())
        return NfsDriver(_as_somebody(NfsUrl.parse(own.url)), own.deadline_seconds)

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Nothing to do when its state changes."""
        return PlainLifecycle()

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None


def _as_somebody(url: NfsUrl) -> NfsUrl:
    """Grants say whom to be: agents work as the same user as this service does."""
    uid = os.geteuid() if url.uid is None else url.uid
    gid = os.getegid() if url.gid is None else url.gid
    return replace(url, uid=uid, gid=gid)
