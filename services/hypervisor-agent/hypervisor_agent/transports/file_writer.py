"""A temporary file part as a destination: sparse, and journaled only behind its syncs."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from stowage_contracts.errors import Conflict, GrantRefused, OutOfSpace
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import TREE_LEAF, Range

from hypervisor_agent.engine.ranges import merge
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import data_runs
from hypervisor_agent.transports import journal
from hypervisor_agent.transports.descriptor import Descriptor
from hypervisor_agent.transports.holes import punch, write_all
from hypervisor_agent.transports.os_errors import told

P = ParamSpec("P")
R = TypeVar("R")
PART = 2 * TREE_LEAF
JOURNAL_STEP = 64 * 1024 * 1024
"""Bytes stored between two syncs of a part: the journal's range."""
MOST_BEHIND = 4 * JOURNAL_STEP
"""Bytes that may be stored and not journaled; writers wait for the sync beyond."""
SYNC_TIMES = 4
"""A sync may take so many times longer than a single write before it counts as stalled."""
WRITERS = 4


class FileWriter:
    """Writes with ``pwrite`` in its own threads; a sync runs beside them."""

    part_size = PART
    sparse = True

    def __init__(self, path: Path, number: int, shape: WriteShape) -> None:
        self._path, self._shape = path, shape
        self._file = Descriptor(number)
        self._threads = Threads(WRITERS + 1, "file-write")
        self._durable: tuple[Range, ...] = ()
        self._stored: list[Range] = []
        self._syncing: asyncio.Task[None] | None = None
        self._used = False
        self.sent = 0

    @classmethod
    async def open(cls, path: Path, shape: WriteShape) -> "FileWriter":
        """Open or create a part. Raises OutOfSpace, Unavailable, SourceChanged, Stalled."""
        threads = Threads(1, "file-open")
        try:
            async with stall_limit(shape.stall_seconds, path.name):
                return await threads.run(cls._prepared, path, shape)
        except OSError as error:
            raise told(error, path.name) from error
        finally:
            threads.close()

    @classmethod
    def _prepared(cls, path: Path, shape: WriteShape) -> "FileWriter":
        # The folder of parts is never made here: without it, the share is not mounted.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self = cls(path, os.open(path, flags, 0o640), shape)
        try:
            self._prepare()
        except BaseException:
            self._file.close()
            self._threads.close()
            raise
        return self

    def _prepare(self) -> None:
        with self._file.use() as number:
            if os.fstat(number).st_nlink > 1:  # a commit gave it its name: never touch it again
                raise Conflict("the part is committed", resource=self._path.name, code="committed")
            self._durable = self._journaled()
            if not self._durable:
                os.ftruncate(number, 0)
            self._used = bool(self._durable)
            self._check_room(number)
            os.ftruncate(number, self._shape.size)

    def _journaled(self) -> tuple[Range, ...]:
        if self._shape.grows:  # its source is read from the start anyway, and has no length yet
            journal.forget(self._path)
            return ()
        return journal.load(self._path, self._shape.size, self._shape.source_validator)

    def _check_room(self, number: int) -> None:
        room = os.fstatvfs(number)
        free = room.f_bavail * room.f_frsize
        missing = self._shape.size - sum(r.length for r in self._durable) - free
        if missing > 0 and not self._shape.sparse:
            raise OutOfSpace(
                f"{missing} bytes are missing for {self._shape.size}",
                resource=self._path.name,
                hint="free space on the store, raise its quota, or choose another store",
            )

    async def journal(self) -> tuple[Range, ...]:
        """What the sidecar says, if it was written for the same source and length."""
        return self._durable

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Read back what is on the file."""
        await self._call(self._fill, offset, buffer)
        return True

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Never asked: this destination can be read."""
        return False

    async def write(self, offset: int, buffer: memoryview) -> None:
        """Store what isn't zeros; waits while too much is not journaled."""
        sent = await self._call(self._store, offset, buffer)
        self.sent += sent
        await self._note(Range(offset=offset, length=len(buffer)))

    async def zero(self, extent: Range) -> None:
        """A hole; nothing is written into a fresh part."""
        if self._used:
            await self._call(self._punch, extent)
        await self._note(extent)

    def part_at(self, offset: int) -> int:
        """All parts are alike."""
        return PART

    async def ends(self, size: int) -> None:
        """Make it as long as what was read; zeros at its end were never written."""
        await self._call(self._truncate, size)

    async def finish(self) -> str:
        """Sync everything and journal it; the part's name."""
        if self._syncing:
            await self._syncing
        await self._sync()
        return self._path.name

    async def close(self, *, keep: bool = True) -> None:
        """Journal what was stored, then let go of the file, or delete it."""
        if self._syncing:  # two syncs at once would write one sidecar
            await asyncio.gather(self._syncing, return_exceptions=True)
        try:
            if keep and self._stored:
                await self._sync()
            if not keep:
                await self._call(self._delete)
        finally:
            self._stored = []
            self._file.close()
            self._threads.close()

    async def _note(self, extent: Range) -> None:
        self._stored.append(extent)
        if self._syncing and (self._syncing.done() or self._behind() > MOST_BEHIND):
            await self._syncing
            self._syncing = None
        if self._syncing is None and self._behind() >= JOURNAL_STEP:
            self._syncing = asyncio.create_task(self._sync())

    def _behind(self) -> int:
        return sum(r.length for r in self._stored)

    async def _sync(self) -> None:
        stored = tuple(self._stored)
        durable = merge((*self._durable, *stored))
        await self._waiting(SYNC_TIMES, self._make_durable, durable)
        self._durable = durable
        del self._stored[: len(stored)]

    def _make_durable(self, durable: tuple[Range, ...]) -> None:
        with self._file.use() as number:
            if not os.fstat(number).st_nlink:
                raise GrantRefused("the part was deleted", resource=self._path.name, code="gone")
            os.fdatasync(number)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        shape = self._shape
        if shape.grows:
            return
        record = journal.Record(size=shape.size, validator=shape.source_validator, ranges=durable)
        journal.save(self._path, record)

    async def _call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._waiting(1, call, *args, **kwargs)

    async def _waiting(
        self, times: int, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        try:
            async with stall_limit(times * self._shape.stall_seconds, self._path.name):
                return await self._threads.run(call, *args, **kwargs)
        except OSError as error:
            raise told(error, self._path.name) from error

    def _store(self, offset: int, buffer: memoryview) -> int:
        sent = at = 0
        with self._file.use() as number:
            for start, end in data_runs(buffer):
                self._hole(number, offset + at, start - at)
                write_all(number, buffer[start:end], offset + start)
                sent, at = sent + end - start, end
            self._hole(number, offset + at, len(buffer) - at)
        return sent

    def _hole(self, number: int, offset: int, length: int) -> None:
        if self._used and length:
            punch(number, offset, length)

    def _punch(self, extent: Range) -> None:
        with self._file.use() as number:
            punch(number, extent.offset, extent.length)

    def _truncate(self, size: int) -> None:
        with self._file.use() as number:
            os.ftruncate(number, size)

    def _fill(self, offset: int, buffer: memoryview) -> None:
        with self._file.use() as number:
            at = 0
            while at < len(buffer):
                count = os.preadv(number, [buffer[at:]], offset + at)
                if count == 0:
                    raise OSError(5, "the part is shorter than its journal")
                at += count

    def _delete(self) -> None:
        journal.drop(self._path)
