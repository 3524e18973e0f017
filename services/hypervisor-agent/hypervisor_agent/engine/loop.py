"""The copy loop: lanes that read, hash and store parts side by side with constant memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from enum import Enum

from stowage_contracts.plugins import RangedReader, RangedWriter
from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.buffers import Buffers, Dismissed
from hypervisor_agent.engine.hashing import Copied
from hypervisor_agent.engine.long_part import LongPart
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.ranges import Claim, Work
from hypervisor_agent.engine.reading import Stretching, patiently
from hypervisor_agent.engine.reins import HeldHashing, HeldReader, Yielded, giving_up, held
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.together import together
from hypervisor_agent.engine.zeros import all_zero

SLICE = 8 * 1024 * 1024
"""Most bytes of one buffer; longer parts pass through it slice by slice."""
STEP = 1024 * 1024
"""Bytes of a stream that are passed by at once."""


class Content(Enum):
    """What became of a claim."""

    HOLE = "hole"
    DATA = "data"
    ZERO = "zero"
    STORED = "stored"
    RECALLED = "recalled"


@dataclass(frozen=True)
class Ends:
    """Where bytes come from and go to."""

    reader: RangedReader
    writer: RangedWriter


@dataclass(frozen=True)
class Bench:
    """What all hops of a process share, and this hop's figures."""

    buffers: Buffers
    threads: Threads
    meter: Meter
    connections: int = 4
    spool: str = "/var/tmp"  # noqa: S108 - only unnamed files are made there


class CopyLoop:
    """One source into one destination, once."""

    def __init__(self, ends: Ends, bench: Bench, checksum: Digest | None = None) -> None:
        self._reins, self._source = held(), ends.reader
        self._reader = HeldReader(ends.reader, self._reins, bench.meter.reading)
        self._writer, self._bench = ends.writer, bench
        self._hashing = HeldHashing(self._reins, bench.threads, checksum, ends.writer)
        self._work = Work(ends.reader.size, ends.writer.part_size, ())
        # Claims and reads begin in order, so that a linear digest never waits long and a source
        # without ranges is read from its start to its end.
        self._turns = asyncio.Semaphore(bench.connections if ends.reader.ranged else 1)

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._work.done

    async def run(self) -> Copied:
        """Copy everything. Raises the first lane's error when all lanes have ended, Yielded when
        the hop was to stop."""
        journal = await self._writer.journal()
        size, part = self._reader.size, self._writer.part_size
        self._work = Work(size, part, journal, 0 if journal else self._stretch())
        with closing(self._hashing):
            await together(*(self._lane() for _ in range(self._lanes())))
            self._reins.check()
            return self._hashing.result(self._reader.size)

    def _lanes(self) -> int:
        parts = -(-self._reader.size // self._writer.part_size)
        fitting = max(1, self._bench.buffers.budget // self._part())
        return min(self._bench.connections + 2, fitting, max(1, parts))

    async def _lane(self) -> None:
        """Until nothing is left to claim; then the lanes that only wait for a buffer end too."""
        with suppress(Yielded, Dismissed):
            while True:
                async with self._reins.lane(), self._lend() as buffer:
                    if not await self._one(buffer):
                        self._bench.buffers.dismiss(self)
                        return

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[memoryview]:
        """A buffer; it is waited for no longer than until the hop is to stop."""
        async with AsyncExitStack() as held:
            async with giving_up():
                lent = self._bench.buffers.lend(self._part(), whose=self)
                buffer = await held.enter_async_context(lent)
            yield buffer

    def _part(self) -> int:
        return min(self._writer.part_size, SLICE, max(1, self._reader.size))

    async def _one(self, buffer: memoryview) -> bool:
        async with self._turns:
            self._reins.check()
            claim, zeros = await self._claim()
            if claim is None:
                return False
            self._announce(claim)
            if not zeros and claim.extent.length > len(buffer):
                await LongPart(claim, self._reader, self._writer, self._hashing).copy(buffer)
                self._work.read(claim)
                return self._note(claim.extent, read=claim.extent.length)
            view = buffer[: min(len(buffer), claim.extent.length)]
            content = Content.HOLE if zeros else await self._fetch(claim, view)
            self._work.read(claim)
        await self._settle(claim.extent, view, content)
        return self._note(claim.extent, read=self._was_read(content) * len(view))

    def _note(self, extent: Range, *, read: int) -> bool:
        self._work.finish(extent)
        self._bench.meter.stored(extent.length, read=read)
        return True

    async def _claim(self) -> tuple[Claim | None, bool]:
        """The next claim, and whether the source says it is a hole."""
        if self._work.stretch:
            return self._work.claim_along(), False
        data = await self._reader.next_data(self._work.position)
        if self._writer.sparse and (hole := self._work.claim_zeros(data)):
            return hole, True
        claim = self._work.claim()
        return claim, claim is not None and not claim.journaled and data >= claim.extent.end

    def _stretch(self) -> int:
        """A linear digest is computed in order: nothing may be read far ahead for it."""
        if isinstance(self._source, Stretching) and not self._hashing.linear:
            return self._source.stretch
        return 0

    def _announce(self, claim: Claim) -> None:
        if claim.rest is not None and isinstance(self._source, Stretching):
            whole = claim.extent.length + claim.rest.length
            self._source.ahead(Range(offset=claim.extent.offset, length=whole))

    async def _fetch(self, claim: Claim, view: memoryview) -> Content:
        offset = claim.extent.offset
        if claim.journaled and await self._writer.recall(offset, view):
            await self._pass_by(claim.extent)
            return Content.RECALLED
        await self._read(offset, view)
        if claim.journaled and await self._writer.holds(offset, view):
            return Content.STORED
        return Content.ZERO if all_zero(view) else Content.DATA

    async def _pass_by(self, extent: Range) -> None:
        """One stream goes along with what is recalled: read past all at once later, it would look
        like a stall, and without a validator it could not be begun again."""
        if self._reader.ranged:
            return
        scratch = memoryview(bytearray(min(STEP, extent.length)))
        for at in range(extent.offset, extent.end, STEP):
            await self._read(at, scratch[: min(STEP, extent.end - at)])

    def _was_read(self, content: Content) -> bool:
        """Whether its bytes came from the source."""
        if content is Content.RECALLED:
            return not self._reader.ranged
        return content is not Content.HOLE

    async def _read(self, offset: int, view: memoryview) -> None:
        await patiently(lambda: self._reader.read_into(offset, view))

    async def _settle(self, extent: Range, view: memoryview, content: Content) -> None:
        if content in {Content.HOLE, Content.ZERO}:
            await together(self._writer.zero(extent), self._hashing.put_zeros(extent))
        elif content in {Content.STORED, Content.RECALLED}:
            await self._hashing.put(extent.offset, view)
        else:
            writing = self._bench.meter.writing
            store = writing.timed(lambda: self._writer.write(extent.offset, view))
            await together(store, self._hashing.put(extent.offset, view))
