"""DirectoryProvider: settings of a directory store."""

from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator
from stowage_contracts.plugins import DataStoreLifecycle, HypervisorHostListener, ImageStoreDriver
from stowage_contracts.plugins.data_store_lifecycle import PlainLifecycle
from stowage_contracts.values import ScopeType, StoreRole

from stowage_stores.directory.driver import DirectoryDriver


class DirectorySettings(BaseModel):
    """Where the directory is; there are no secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    root: str
    """Absolute path; must exist, the same on every host that reads or writes the store."""
    mounted: bool = False
    """Refuse to work unless ``root`` itself is a mount point: an unmounted share must not fill
    the disk below it."""
    deadline_seconds: float = Field(default=20, gt=0, le=3600)
    """No call waits longer for the file system; commits, which sync, ten times that."""

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: str) -> str:
        path = PurePosixPath(root)
        if not path.is_absolute() or ".." in path.parts or path == path.parent or "\0" in root:
            raise ValueError("an absolute path below / without '..'")
        return str(path)


class DirectoryProvider:
    """Stores in a directory: of a local disk, or of whatever is mounted there."""

    name: str = "directory"
    roles: tuple[StoreRole, ...] = (StoreRole.IMAGE, StoreRole.IMAGE_CACHE)
    scopes: tuple[ScopeType, ...] = tuple(ScopeType)
    settings: type[BaseModel] = DirectorySettings

    def open(self, settings: BaseModel) -> DirectoryDriver:
        """A driver for one directory; it is first touched by a call."""
        own = DirectorySettings.model_validate(settings.model_dump())
        return DirectoryDriver(own.root, seconds=own.deadline_seconds, mounted=own.mounted)

    def lifecycle(self, driver: ImageStoreDriver) -> DataStoreLifecycle:
        """Nothing to do when its state changes."""
        return PlainLifecycle()

    def host_listener(self, driver: ImageStoreDriver) -> HypervisorHostListener | None:
        """Nobody need hear of hosts."""
        return None
