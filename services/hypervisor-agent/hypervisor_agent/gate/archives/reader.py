"""A compressed image as the image within: unpacked from its front as often as it is asked for.

The start is kept, so judging a disk takes two or three passes: one for its length, one for its
tables. Nothing is written anywhere.
"""

import asyncio
from collections.abc import AsyncIterator

from hypervisor_agent.gate.archives.compressed import unpacker
from hypervisor_agent.gate.archives.limits import Limits
from hypervisor_agent.gate.terms import RangedReader, Refused

CHUNK = 1024 * 1024
KEPT_HEAD, KEPT_TAIL = 4 * 1024 * 1024, 64 * 1024
MOST_PASSES = 8


class Unpacked:
    """Ranged reads of what a compressed image unpacks to."""

    def __init__(self, stored: RangedReader, kind: str, limits: Limits) -> None:
        self._stored, self._kind, self._limits = stored, kind, limits
        self._head, self._tail = bytearray(), bytearray()
        self._pieces: AsyncIterator[bytes] | None = None
        self._at, self._piece, self._passes = 0, b"", 0
        self.size = 0

    async def measure(self) -> None:
        """The first pass: the length, the start and the end; refuses what breaks a limit."""
        self._passes += 1
        async for piece in self._unpack():
            self._head += piece[: KEPT_HEAD - len(self._head)]
            self._tail += piece
            del self._tail[:-KEPT_TAIL]
            self.size += len(piece)

    async def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range within what was measured."""
        end, tail_at = offset + length, self.size - len(self._tail)
        if end <= len(self._head):
            return bytes(self._head[offset:end])
        if offset >= tail_at:
            return bytes(self._tail[offset - tail_at : end - tail_at])
        if self._pieces is None or offset < self._at:
            self._restart()
        return await self._forward(offset, end)

    def _restart(self) -> None:
        self._passes += 1
        if self._passes > MOST_PASSES:
            raise Refused("archive", "its tables lie too far apart to be read in a stream")
        self._pieces, self._at, self._piece = self._unpack(), 0, b""

    async def _forward(self, offset: int, end: int) -> bytes:
        assert self._pieces is not None
        found = bytearray()
        while self._at < end:
            have = self._at + len(self._piece)
            if have > offset:
                found += self._piece[max(0, offset - self._at) : end - self._at]
            if have >= end:
                break
            self._at = have
            self._piece = await anext(self._pieces, b"")
            if not self._piece:
                raise Refused("truncated", "it unpacks to less than it did before")
        return bytes(found)

    async def _unpack(self) -> AsyncIterator[bytes]:
        unpack = unpacker(self._kind, self._limits)
        for at in range(0, self._stored.size, CHUNK):
            data = await self._stored.read(at, min(CHUNK, self._stored.size - at))
            pieces = unpack.feed(data)
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece
        unpack.finish()
