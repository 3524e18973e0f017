"""A part longer than a buffer: its slices pass through one, from source to destination."""

from collections.abc import Iterator
from typing import Protocol

from stowage_contracts.plugins import RangedWriter

from hypervisor_agent.engine.hashing import Hashing
from hypervisor_agent.engine.ranges import Claim
from hypervisor_agent.engine.reading import patiently
from hypervisor_agent.engine.together import together


class Reads(Protocol):
    """As much of a RangedReader as a long part needs."""

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``."""
        ...


class LongPart:
    """One claim. A broken slice sends the part again from its start; bytes are hashed once."""

    def __init__(self, claim: Claim, reader: Reads, writer: RangedWriter, hashing: Hashing) -> None:
        self._claim, self._hashing = claim, hashing
        self._reader, self._writer = reader, writer
        self._hashed = claim.extent.offset

    async def copy(self, buffer: memoryview) -> None:
        """Through ``buffer``, whose length is a multiple of the leaf."""
        if self._claim.journaled and await self._is_there(buffer):
            return
        await patiently(lambda: self._send(buffer))

    async def _is_there(self, buffer: memoryview) -> bool:
        same = False
        for at, view in self._slices(buffer):
            await self._read(at, view)
            await self._hash(at, view)
            same = await self._writer.holds(at, view)
        return same

    async def _send(self, buffer: memoryview) -> None:
        for at, view in self._slices(buffer):
            await self._read(at, view)
            await together(self._writer.write(at, view), self._hash(at, view))

    async def _read(self, at: int, view: memoryview) -> None:
        await patiently(lambda: self._reader.read_into(at, view))

    async def _hash(self, at: int, view: memoryview) -> None:
        if at >= self._hashed:
            await self._hashing.put(at, view)
            self._hashed = at + len(view)

    def _slices(self, buffer: memoryview) -> Iterator[tuple[int, memoryview]]:
        extent = self._claim.extent
        for at in range(extent.offset, extent.end, len(buffer)):
            yield at, buffer[: min(len(buffer), extent.end - at)]
