"""A compressed source unpacked while it is read; never more of it in memory than a few chunks."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from stowage_contracts.errors import ImageRefused
from stowage_contracts.plugins import StreamReader
from stowage_contracts.values import Digest

from hypervisor_agent.engine.digest import StreamDigest
from hypervisor_agent.engine.streams import CHUNK, InOrder, Source
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.gate.archives import Refused, Unpacker

T = TypeVar("T")
AHEAD = 4
"""Ranges asked for at once."""


class Unpacked:
    """A stream of what a compressed source unpacks to; the declared digest is the source's."""

    framed = True

    def __init__(
        self, source: Source, unpacker: Unpacker, threads: Threads, checksum: Digest | None
    ) -> None:
        self._source, self._unpacker, self._threads = source, unpacker, threads
        self._sum = StreamDigest(checksum) if checksum else None
        self._ranges = None if isinstance(source, StreamReader) else InOrder(source, AHEAD)
        self._pieces: Iterator[bytes] = iter(())
        self._left = memoryview(b"")
        self._ended = False
        self.validator = source.validator

    @property
    def received(self) -> int:
        """Compressed bytes."""
        return self._source.received

    @property
    def declared(self) -> Digest | None:
        """The source's digest in the declared algorithm, once all was read."""
        return self._sum.result() if self._sum else None

    async def read_next(self, buffer: memoryview) -> int:
        """As the protocol says; raises ImageRefused for what does not unpack within its limits."""
        at = 0
        while at < len(buffer) and not self._ended:
            at += await self._threads.run(self._pour, buffer[at:])
            if at < len(buffer):
                await self._feed()
        return at

    async def close(self) -> None:
        """Close the source."""
        if self._ranges:
            await self._ranges.close()
        await self._source.close()

    async def _feed(self) -> None:
        data = await self._next()
        if data:
            await self._threads.run(self._take, data)
        else:
            self._ended = True
            _judged(self._unpacker.finish)

    async def _next(self) -> bytes:
        if self._ranges:
            return await self._ranges.next()
        assert isinstance(self._source, StreamReader)
        data = bytearray(CHUNK)
        count = await self._source.read_next(memoryview(data))
        return bytes(data[:count])

    def _take(self, data: bytes) -> None:
        if self._sum:
            self._sum.update(data)
        self._pieces = self._unpacker.feed(data)

    def _pour(self, buffer: memoryview) -> int:
        at = 0
        while at < len(buffer):
            if not self._left:
                piece = _judged(lambda: next(self._pieces, None))
                if piece is None:
                    break
                self._left = memoryview(piece)
            count = min(len(self._left), len(buffer) - at)
            buffer[at : at + count] = self._left[:count]
            self._left = self._left[count:]
            at += count
        return at


def _judged(work: Callable[[], T]) -> T:
    try:
        return work()
    except Refused as no:
        error = ImageRefused(no.reason, hint="offer an image that the gate accepts")
        error.code = no.code
        raise error from None
