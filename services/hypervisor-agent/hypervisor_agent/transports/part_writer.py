"""A temporary part as a destination: sparse, and journaled only behind its syncs."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from stowage_contracts.errors import Conflict, GrantRefused, OutOfSpace, Stalled
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import TREE_LEAF, Range

from hypervisor_agent.engine.ranges import merge
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import data_runs
from hypervisor_agent.transports.journal import Record
from hypervisor_agent.transports.os_errors import told
from hypervisor_agent.transports.part_file import PartFile

P = ParamSpec("P")
R = TypeVar("R")
PART = TREE_LEAF
JOURNAL_STEP = 64 * 1024 * 1024
"""Bytes stored between two syncs of a part: the journal's range."""
MOST_BEHIND = 4 * JOURNAL_STEP
"""Bytes that may be stored and not journaled; writers wait for the sync beyond."""
SYNC_TIMES = 4
"""A sync may take so many times longer than a single write before it counts as stalled."""
WRITERS = 4


class PartWriter:
    """Writes to a PartFile in threads of its own; a sync runs beside them."""

    part_size = PART
    sparse = True

    def __init__(self, part: PartFile, shape: WriteShape) -> None:
        self._part, self._shape = part, shape
        self._threads = Threads(WRITERS + 1, "part-write")
        self._durable: tuple[Range, ...] = ()
        self._stored: list[tuple[Range, int]] = []
        """What is not journaled, and how many bytes of each were written."""
        self._syncing: asyncio.Task[None] | None = None
        self._used = False
        self.sent = 0

    def prepare(self) -> None:
        """Empty the part, or find what may be kept of it. Blocking; closes it when it raises."""
        try:
            self._prepare()
        except BaseException:
            self._part.close()
            self._threads.close()
            raise

    def _prepare(self) -> None:
        if self._part.names() > 1:  # a commit gave it its name: never touch it again
            raise Conflict("the part is committed", resource=self._part.name, code="committed")
        self._durable = self._journaled()
        if not self._durable:
            self._part.truncate(0)
        self._used = bool(self._durable)
        self._check_room()
        self._part.truncate(self._shape.size)

    def _journaled(self) -> tuple[Range, ...]:
        if self._shape.grows:  # its source is read from the start anyway, and has no length yet
            self._part.forget()
            return ()
        return self._part.load(self._shape.size, self._shape.source_validator)

    def _check_room(self) -> None:
        missing = self._shape.size - sum(r.length for r in self._durable) - self._part.free()
        if missing > 0 and not self._shape.sparse:
            raise OutOfSpace(
                f"{missing} bytes are missing for {self._shape.size}",
                resource=self._part.name,
                hint="free space on the store, raise its quota, or choose another store",
            )

    async def journal(self) -> tuple[Range, ...]:
        """What the sidecar says, if it was written for the same source and length."""
        return self._durable

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Read back what is on the file."""
        await self._call(self._part.read, offset, buffer)
        return True

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Never asked: this destination can be read."""
        return False

    async def write(self, offset: int, buffer: memoryview) -> None:
        """Store what isn't zeros; waits while too much is not journaled."""
        sent = await self._call(self._store, offset, buffer)
        self.sent += sent
        await self._note(Range(offset=offset, length=len(buffer)), sent)

    async def zero(self, extent: Range) -> None:
        """A hole; nothing is written into a fresh part."""
        if self._used:
            await self._call(self._part.punch, extent.offset, extent.length)
        await self._note(extent, 0)

    def part_at(self, offset: int) -> int:
        """All parts are alike."""
        return PART

    async def ends(self, size: int) -> None:
        """Make it as long as what was read; zeros at its end were never written."""
        await self._call(self._part.truncate, size)

    async def finish(self) -> str:
        """Sync everything and journal it, unless it is one range; the part's name."""
        if self._syncing:
            await self._syncing
        await self._sync(journaled=self._shape.size > PART)
        return self._part.name

    async def close(self, *, keep: bool = True) -> None:
        """Journal what was stored, then let go of the file, or delete it."""
        if self._syncing:  # two syncs at once would write one sidecar
            await asyncio.gather(self._syncing, return_exceptions=True)
        try:
            if keep and self._stored and self._part.usable:
                await self._sync()
            if not keep:
                await self._call(self._part.delete)
        finally:
            self._stored = []
            self._part.close()
            self._threads.close()

    async def _note(self, extent: Range, sent: int) -> None:
        self._stored.append((extent, sent))
        syncing = self._syncing
        if syncing and (syncing.done() or self._behind() > MOST_BEHIND):
            await syncing
            if self._syncing is syncing:  # or another lane that waited has begun the next
                self._syncing = None
        if self._syncing is None and self._behind() >= JOURNAL_STEP:
            self._syncing = asyncio.create_task(self._sync())

    def _behind(self) -> int:
        """Bytes that a sync would have to write: holes keep nobody waiting."""
        return sum(sent for _, sent in self._stored)

    async def _sync(self, *, journaled: bool = True) -> None:
        stored = tuple(self._stored)
        durable = merge((*self._durable, *(extent for extent, _ in stored)))
        await self._waiting(SYNC_TIMES, self._make_durable, durable if journaled else None)
        self._durable = durable
        del self._stored[: len(stored)]

    def _make_durable(self, durable: tuple[Range, ...] | None) -> None:
        if not self._part.names():
            raise GrantRefused("the part was deleted", resource=self._part.name, code="gone")
        self._part.sync()
        shape = self._shape
        if durable is not None and not shape.grows:
            self._part.save(
                Record(size=shape.size, validator=shape.source_validator, ranges=durable)
            )

    async def _call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._waiting(1, call, *args, **kwargs)

    async def _waiting(
        self, times: int, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        try:
            async with stall_limit(times * self._shape.stall_seconds, self._part.name):
                return await self._threads.run(call, *args, **kwargs)
        except Stalled:
            self._part.give_up()
            raise
        except OSError as error:
            raise told(error, self._part.name) from error

    def _store(self, offset: int, buffer: memoryview) -> int:
        sent = at = 0
        for start, end in data_runs(buffer):
            self._hole(offset + at, start - at)
            self._part.write(offset + start, buffer[start:end])
            sent, at = sent + end - start, end
        self._hole(offset + at, len(buffer) - at)
        return sent

    def _hole(self, offset: int, length: int) -> None:
        if self._used and length:
            self._part.punch(offset, length)
