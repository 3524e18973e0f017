"""PrimaryStoreDriver: one primary pool, run in the agent that sees it."""

from typing import Protocol

from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import (
    CommitAsk,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.values import Bytes, ImageFormat


class PrimaryStoreDriver(Protocol):
    """One pool (entry-point group ``stowage.primary_store_driver``)."""

    async def create(self, key: str, size: Bytes, format: ImageFormat) -> ObjectStat:
        """A new empty volume of ``size`` virtual bytes; Conflict if the key exists."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent."""
        ...

    async def resize(self, key: str, size: Bytes) -> ObjectStat:
        """Grow a volume to ``size`` virtual bytes; Conflict when it would shrink."""
        ...

    async def list(self) -> tuple[ObjectStat, ...]:
        """Committed volumes in key order."""
        ...

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """As ImageStoreDriver.grant."""
        ...

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """As ImageStoreDriver.commit."""
        ...

    async def revoke(self, ask: RevokeAsk) -> None:
        """As ImageStoreDriver.revoke."""
        ...
