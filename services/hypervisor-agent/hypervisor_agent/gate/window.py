"""The gate's only view of an image: few reads, and never more than a budget of bytes."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from hypervisor_agent.gate.terms import RangedReader, Refused

BUDGET = 8 * 1024 * 1024
"""For headers and whatever is held whole."""
TABLES = 256 * 1024 * 1024
"""For tables that pass by in chunks."""
CHUNK = 1024 * 1024
PARALLEL = 8
HEAD = 128 * 1024
"""Holds every signature, a qcow2's header extensions and 48 ISO volume descriptors."""
TAIL = 1536
"""Holds every footer: a VMDK's is the second last sector, between two markers."""


class Window:
    """Bounded reads of one image."""

    def __init__(self, image: RangedReader) -> None:
        self.image = image
        self._left, self._tables = BUDGET, TABLES
        self.size = image.size

    async def read(self, offset: int, length: int) -> bytes:
        """The bytes there are of a range; refuses beyond the budget and where bytes are missing."""
        length = max(0, min(length, self.size - offset))
        if length > self._left:
            raise Refused("header", "its metadata is more than the gate will read")
        self._left -= length
        return await self._bytes(offset, length)

    async def exactly(self, offset: int, length: int, what: str) -> bytes:
        """A whole range; refuses an image that ends before it does."""
        self.check_inside(offset, length, what)
        return await self.read(offset, length)

    def check_inside(self, offset: int, length: int, what: str) -> None:
        """Refuse a range that is not wholly in the image."""
        if offset < 0 or offset + length > self.size:
            text = f"its {what} of {length} bytes at {offset} is not within {self.size} bytes"
            raise Refused("table", text)

    def affords(self, length: int) -> bool:
        """Whether so many bytes of tables may still be streamed."""
        return length <= self._tables

    async def stream(self, offset: int, length: int, what: str) -> AsyncIterator[bytes]:
        """A table in chunks of 1 MiB."""
        self.check_inside(offset, length, what)
        self._spend(length)
        for at in range(offset, offset + length, CHUNK):
            yield await self._bytes(at, min(CHUNK, offset + length - at))

    async def each(self, offsets: Sequence[int], length: int) -> AsyncIterator[bytes]:
        """Many small tables of the same length (shorter at the end of the image), in order.

        Neighbours are read together, up to 1 MiB at a time.
        """
        self._spend(len(offsets) * length)
        runs = list(_runs(offsets, length))
        for at in range(0, len(runs), PARALLEL):
            reads = (self._bytes(o, min(n, self.size - o)) for o, n in runs[at : at + PARALLEL])
            for data in await asyncio.gather(*reads):
                for start in range(0, len(data), length):
                    yield data[start : start + length]

    async def ends(self) -> tuple[bytes, bytes]:
        """The first 128 KiB and the last three sectors (fewer of a smaller image)."""
        head = await self.read(0, HEAD)
        if self.size <= HEAD:
            return head, head[-TAIL:]
        return head, await self.read(self.size - TAIL, TAIL)

    def _spend(self, length: int) -> None:
        if not self.affords(length):
            raise Refused("table", "its tables are more than the gate will read")
        self._tables -= length

    async def _bytes(self, offset: int, length: int) -> bytes:
        data = await self.image.read(offset, length) if length > 0 else b""
        if len(data) != max(0, length):
            raise Refused("truncated", f"only {len(data)} of {length} bytes at {offset} were there")
        return data


def _runs(offsets: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """Places and lengths of tables that lie side by side, taken together."""
    start, end = -1, -1
    for offset in offsets:
        if offset == end and end + length - start <= CHUNK:
            end += length
            continue
        if start >= 0:
            yield start, end - start
        start, end = offset, offset + length
    if start >= 0:
        yield start, end - start


class Slice:
    """A run of an image's bytes, as an image."""

    def __init__(self, image: RangedReader, start: int, size: int) -> None:
        self._image, self._start, self.size = image, start, size

    async def read(self, offset: int, length: int) -> bytes:
        """As the image's own."""
        return await self._image.read(self._start + offset, length)
