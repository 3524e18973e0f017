"""The copy loop: lanes that read, hash and store parts side by side with constant memory."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.plugins import RangedReader, RangedWriter
from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.digest import LinearDigest, TreeDigest, leaves, zero_leaves
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.ranges import Claim, Work
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import all_zero

RETRY_SECONDS = (0.2, 1.0, 3.0)
"""Pauses before a range is asked for again inside the hop."""


class Content(Enum):
    """What became of a claim."""

    DATA = "data"
    ZERO = "zero"
    STORED = "stored"


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


@dataclass(frozen=True)
class Copied:
    """Digests of what the destination now holds."""

    tree: Digest
    linear: Digest | None


class CopyLoop:
    """One source into one destination, once."""

    def __init__(self, ends: Ends, bench: Bench, checksum: Digest | None = None) -> None:
        self._reader, self._writer, self._bench = ends.reader, ends.writer, bench
        self._tree = TreeDigest()
        self._linear = LinearDigest(checksum, bench.threads.run) if checksum else None
        self._work = Work(ends.reader.size, ends.writer.part_size, ())
        # Claims and reads begin in order, so that a linear digest never waits long and a source
        # without ranges is read from its start to its end.
        self._turns = asyncio.Semaphore(bench.connections if ends.reader.ranged else 1)

    @property
    def done(self) -> tuple[Range, ...]:
        """What the destination holds, merged."""
        return self._work.done

    async def run(self) -> Copied:
        """Copy everything. Raises the first lane's error when all lanes have ended."""
        journal = await self._writer.journal()
        self._work = Work(self._reader.size, self._writer.part_size, journal)
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(self._lanes()):
                    lanes.create_task(self._lane())
        except BaseExceptionGroup as failed:  # Python 3.11.2 wraps what an except* block raises
            told = failed.subgroup(StowageError)
            raise (first(told) if told else failed) from None
        linear = self._linear.result() if self._linear else None
        return Copied(self._tree.result(self._reader.size), linear)

    def _lanes(self) -> int:
        parts = -(-self._reader.size // self._writer.part_size)
        fitting = max(1, self._bench.buffers.budget // self._writer.part_size)
        return min(self._bench.connections + 2, fitting, max(1, parts))

    async def _lane(self) -> None:
        while True:
            async with self._bench.buffers.lend(self._part()) as buffer:
                if not await self._one(buffer):
                    return

    def _part(self) -> int:
        return min(self._writer.part_size, max(1, self._reader.size))

    async def _one(self, buffer: memoryview) -> bool:
        async with self._turns:
            claim, zeros = await self._claim()
            if claim is None:
                return False
            view = buffer[: min(len(buffer), claim.extent.length)]
            content = Content.ZERO if zeros else await self._fetch(claim, view)
        await self._settle(claim.extent, view, content)
        return True

    async def _claim(self) -> tuple[Claim | None, bool]:
        """The next claim, and whether the source says it is a hole."""
        data = await self._reader.next_data(self._work.position)
        if self._writer.sparse and (hole := self._work.claim_zeros(data)):
            return hole, True
        claim = self._work.claim()
        return claim, claim is not None and not claim.journaled and data >= claim.extent.end

    async def _fetch(self, claim: Claim, view: memoryview) -> Content:
        offset = claim.extent.offset
        if claim.journaled and await self._writer.recall(offset, view):
            return Content.STORED
        await self._read(offset, view)
        if claim.journaled and await self._writer.holds(offset, view):
            return Content.STORED
        return Content.ZERO if all_zero(view) else Content.DATA

    async def _read(self, offset: int, view: memoryview) -> None:
        for pause in RETRY_SECONDS:
            try:
                await self._reader.read_into(offset, view)
                return
            except Unavailable:
                await asyncio.sleep(pause)
        await self._reader.read_into(offset, view)

    async def _settle(self, extent: Range, view: memoryview, content: Content) -> None:
        if content is Content.ZERO:
            await both(self._writer.zero(extent), self._hash_zeros(extent))
        elif content is Content.STORED:
            await self._hash(extent, view)
        else:
            await both(self._writer.write(extent.offset, view), self._hash(extent, view))
        self._work.finish(extent)
        self._bench.meter.stored(extent.length, read=len(view) if content is Content.DATA else 0)

    async def _hash(self, extent: Range, view: memoryview) -> None:
        if self._linear:
            await both(self._hash_tree(extent, view), self._linear.put(extent.offset, view))
        else:
            await self._hash_tree(extent, view)

    async def _hash_tree(self, extent: Range, view: memoryview) -> None:
        found = await self._bench.threads.run(leaves, view)
        self._tree.put(extent.offset, extent.length, found)

    async def _hash_zeros(self, extent: Range) -> None:
        if self._linear:
            await self._linear.put_zeros(extent.offset, extent.length)
        self._tree.put(extent.offset, extent.length, zero_leaves(extent.length))


async def both(one: Awaitable[None], other: Awaitable[None]) -> None:
    """Run two at once; a failure of either cancels the other and is raised."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_await(one))
        group.create_task(_await(other))


async def _await(item: Awaitable[None]) -> None:
    await item


def first(failed: BaseExceptionGroup[StowageError]) -> StowageError:
    """The first single error of a group."""
    error = failed.exceptions[0]
    return first(error) if isinstance(error, BaseExceptionGroup) else error
