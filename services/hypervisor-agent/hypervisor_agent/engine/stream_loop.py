"""The copy loop of a source that tells its length only by ending."""

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

from stowage_contracts.plugins import GrowingWriter, StreamReader
from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.hashing import Copied, Hashing
from hypervisor_agent.engine.loop import Bench
from hypervisor_agent.engine.ranges import covers, merge
from hypervisor_agent.engine.together import together
from hypervisor_agent.engine.zeros import all_zero


class Promises(Protocol):
    """Room for what is written, asked for before it is."""

    async def reach(self, size: int) -> None:
        """So many bytes are about to be there. Raises OutOfSpace, ImageRefused."""
        ...


class StreamLoop:
    """One stream into one destination, once: read in order, hashed and stored side by side."""

    def __init__(
        self, source: StreamReader, writer: GrowingWriter, bench: Bench, promises: Promises
    ) -> None:
        self._source, self._writer, self._bench = source, writer, bench
        self._promises = promises
        self._journal: tuple[Range, ...] = ()
        self._done: tuple[Range, ...] = ()
        self._turn = asyncio.Lock()
        self._ended = False
        self.size = 0
        """Bytes read so far; the length once ``run`` has returned."""

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._done

    async def run(self, checksum: Digest | None) -> Copied:
        """Copy everything. Raises the first lane's error when all lanes have ended."""
        hashing = Hashing(self._bench.threads, checksum)
        self._journal = await self._writer.journal()
        lanes = self._bench.connections + 1
        await together(*(self._lane(hashing) for _ in range(lanes)))
        return hashing.result(self.size)

    async def _lane(self, hashing: Hashing) -> None:
        while not self._ended:
            async with AsyncExitStack() as held:
                async with self._turn:
                    offset = self.size
                    view = await self._next(held)
                if view:
                    await self._settle(offset, view, hashing)

    async def _next(self, held: AsyncExitStack) -> memoryview:
        """The next part in a buffer that is lent until ``held`` is closed; empty at the end."""
        if self._ended:
            return memoryview(b"")
        length = self._writer.part_at(self.size)
        buffer = await held.enter_async_context(self._bench.buffers.lend(length))
        count = await self._source.read_next(buffer)
        await self._promises.reach(self.size + count)
        self.size += count
        if count < len(buffer):
            self._ended = True
            await self._writer.ends(self.size)
        return buffer[:count]

    async def _settle(self, offset: int, view: memoryview, hashing: Hashing) -> None:
        extent = Range(offset=offset, length=len(view))
        if all_zero(view):
            await together(self._writer.zero(extent), hashing.put_zeros(extent))
        else:
            await together(self._store(extent, view), hashing.put(offset, view))
        self._done = merge((*self._done, extent))
        self._bench.meter.stored(extent.length, read=extent.length)

    async def _store(self, extent: Range, view: memoryview) -> None:
        there = covers(self._journal, extent)
        if not (there and await self._writer.holds(extent.offset, view)):
            await self._writer.write(extent.offset, view)
