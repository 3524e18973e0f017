"""A directory as a primary pool: local, or a cluster's mounted file system."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.grants import Grant
from stowage_contracts.keys import RESERVED
from stowage_contracts.plugins.hypervisor import PoolSettings
from stowage_contracts.plugins.image_store_driver import (
    CommitAsk,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.values import Bytes, ImageFormat, Receipt, new_id
from stowage_stores.deadlines import Deadlines
from stowage_stores.directory import DirectoryDriver

from hypervisor_agent.hypervisors.qemu_img import qemu_img
from hypervisor_agent.primary import volumes
from hypervisor_agent.transports.os_errors import told

T = TypeVar("T")
SECONDS = 20
ENDS = ("", ".journal", ".new", ".key")
"""A part, its journal, a journal whose writing was broken off, and the key it is to have."""
IDLE_SECONDS = 60.0
SHARED_IDLE_SECONDS = 86400.0
"""On a shared pool a part may be another host's, waiting for its lease to be taken over."""


class DirectoryPool:
    """Volumes are files; grants and commits are the directory store's."""

    def __init__(self, settings: PoolSettings) -> None:
        self._driver = DirectoryDriver(settings.root)
        self._root = Path(settings.root)
        self._deadlines = Deadlines(settings.name, SECONDS)
        self._idle = SHARED_IDLE_SECONDS if settings.shared else IDLE_SECONDS

    async def create(self, key: str, size: Bytes, format: ImageFormat) -> ObjectStat:
        """Made as a part, then committed like any other write."""
        if format not in (ImageFormat.RAW, ImageFormat.QCOW2):
            raise InvalidInput(f"no empty {format.value} volumes", resource=key, code="format")
        writer = f"create-{new_id()}.1"
        await self._driver.grant(WriteAsk(key=key, writer=writer, seconds=60))
        part = self._own / f"{writer}.part"
        try:
            await qemu_img("create", "-q", "-f", format.value, str(part), str(size), resource=key)
            stored = (await self._do(part.stat)).st_size
            receipt = Receipt(size=stored, digest=volumes.UNKNOWN, part=part.name)
            return await self._driver.commit(CommitAsk(key=key, writer=writer, size=receipt.size))
        finally:
            await self.discard(writer)

    async def delete(self, key: str) -> None:
        """Idempotent."""
        await self._driver.delete(key)

    async def resize(self, key: str, size: Bytes) -> ObjectStat:
        """Grow; Conflict when it would shrink."""
        await self._driver.stat(key)
        path = self._root / key
        format, now = await self._do(lambda: volumes.describe(path))
        if size < now:
            raise Conflict(f"the volume has {now} bytes", resource=key, code="shrink")
        await qemu_img("resize", "-q", "-f", format.value, str(path), str(size), resource=key)
        return await self._driver.stat(key)

    async def list(self) -> tuple[ObjectStat, ...]:
        """Committed volumes in key order."""
        return tuple([found async for found in self._driver.list()])

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """A file below the pool's root."""
        return await self._driver.grant(ask)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Sync, give it its name, forget what was beside it."""
        done = await self._driver.commit(ask)
        await self.discard(ask.writer)
        return done

    async def revoke(self, ask: RevokeAsk) -> None:
        """Delete the part and what lies beside it."""
        await self._driver.revoke(ask)
        await self.discard(ask.writer)

    async def writers(self) -> tuple[str, ...]:
        """Of every part, finished or not, and of what parts left behind."""
        return await self._do(lambda: tuple(sorted(set(self._writers()))))

    async def idle(self, writer: str) -> bool:
        """By the age of its last write."""
        return await self._do(lambda: self._is_idle(writer))

    async def discard(self, writer: str) -> None:
        """Part, source part and journals."""
        await self._do(lambda: self._discard(writer))

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await self._deadlines.run(work)
        except OSError as error:
            raise told(error, self._root.name) from error

    @property
    def _own(self) -> Path:
        return self._root / RESERVED

    def _writers(self) -> Iterator[str]:
        with contextlib.suppress(FileNotFoundError):
            for file in self._own.iterdir():
                writer, found, end = file.name.rpartition(".part")
                if found and end in ENDS:
                    yield writer.removesuffix(".src")

    def _files(self, writer: str) -> tuple[Path, ...]:
        parts = (f"{writer}.part", f"{writer}.src.part")
        return tuple(self._own / (part + end) for part in parts for end in ENDS)

    def _is_idle(self, writer: str) -> bool:
        touched = [file.stat().st_mtime for file in self._files(writer) if file.exists()]
        return all(time.time() - at > self._idle for at in touched)

    def _discard(self, writer: str) -> None:
        for file in self._files(writer):
            file.unlink(missing_ok=True)
