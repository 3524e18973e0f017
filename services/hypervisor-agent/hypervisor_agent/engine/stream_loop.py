"""The copy loop of a source that tells its length only by ending."""

import asyncio
from contextlib import AsyncExitStack, closing
from typing import Protocol

from stowage_contracts.plugins import GrowingWriter, StreamReader
from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.buffers import Dismissed
from hypervisor_agent.engine.hashing import Copied, Hashing
from hypervisor_agent.engine.long_part import LongPart
from hypervisor_agent.engine.loop import Bench
from hypervisor_agent.engine.ranges import Claim, covers, merge
from hypervisor_agent.engine.reins import HeldHashing, HeldStream, Yielded, held
from hypervisor_agent.engine.spool import Spool
from hypervisor_agent.engine.together import together
from hypervisor_agent.engine.zeros import all_zero

SLICE = 16 * 1024 * 1024
"""Longest part that is kept in memory until its length is sure."""
SPOOLS = 2
"""Long parts of one hop that lie on disk at the same time."""


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
        self._reins = held()
        self._source = HeldStream(source, self._reins)
        self._writer, self._bench = writer, bench
        self._promises = promises
        self._journal: tuple[Range, ...] = ()
        self._done: tuple[Range, ...] = ()
        self._turn = asyncio.Lock()
        self._spools = asyncio.Semaphore(SPOOLS)
        self._ended = False
        self.size = 0
        """Bytes read so far; the length once ``run`` has returned."""

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._done

    async def run(self, checksum: Digest | None) -> Copied:
        """Copy everything. Raises the first lane's error when all lanes have ended, Yielded when
        the hop was to stop."""
        hashing = HeldHashing(self._reins, self._bench.threads, checksum, self._writer)
        self._journal = await self._writer.journal()
        lanes = self._bench.connections + 1
        with closing(hashing):
            await together(*(self._lane(hashing) for _ in range(lanes)))
            self._reins.check()
            return hashing.result(self.size)

    async def _lane(self, hashing: Hashing) -> None:
        while not self._ended:
            try:
                if self._writer.part_at(self.size) > SLICE:
                    await self._one_long(hashing)
                else:
                    await self._one(hashing)
            except (Yielded, Dismissed):
                return

    async def _one(self, hashing: Hashing) -> None:
        """The next part through a buffer of its length."""
        async with AsyncExitStack() as held:
            async with self._turn:
                offset, length = self.size, self._writer.part_at(self.size)
                if self._ended or length > SLICE:
                    return
                buffer = await held.enter_async_context(
                    self._bench.buffers.lend(length, whose=self)
                )
                count = await self._source.read_next(buffer)
                await self._reached(count, more=count == length)
            if count:
                await self._settle(offset, buffer[:count], hashing)

    async def _one_long(self, hashing: Hashing) -> None:
        """The next part by way of the disk: nothing can be sent before its length is sure."""
        async with self._spools, self._bench.buffers.lend(SLICE, whose=self) as buffer:
            spool = await Spool.open(self._bench.spool, self._bench.threads)
            try:
                async with self._turn:
                    spool.offset = offset = self.size
                    length = self._writer.part_at(offset)
                    more = not self._ended and await spool.fill(self._source, length, buffer)
                    await self._reached(spool.length, more=more)
                if spool.length:
                    extent = Range(offset=offset, length=spool.length)
                    claim = Claim(extent, covers(self._journal, extent))
                    await LongPart(claim, spool, self._writer, hashing).copy(buffer)
                    self._note(extent)
            finally:
                await spool.close()

    async def _reached(self, count: int, *, more: bool) -> None:
        if self._ended:
            return
        await self._promises.reach(self.size + count)
        self.size += count
        if not more:
            self._ended = True
            self._bench.buffers.dismiss(self)
            await self._writer.ends(self.size)

    async def _settle(self, offset: int, view: memoryview, hashing: Hashing) -> None:
        extent = Range(offset=offset, length=len(view))
        if all_zero(view):
            await together(self._writer.zero(extent), hashing.put_zeros(extent))
        else:
            await together(self._store(extent, view), hashing.put(offset, view))
        self._note(extent)

    def _note(self, extent: Range) -> None:
        self._done = merge((*self._done, extent))
        self._bench.meter.stored(extent.length, read=extent.length)

    async def _store(self, extent: Range, view: memoryview) -> None:
        there = covers(self._journal, extent)
        if not (there and await self._writer.holds(extent.offset, view)):
            writing = self._bench.meter.writing
            await writing.timed(lambda: self._writer.write(extent.offset, view))
