"""Sources that are read once, from their start to their end."""

import asyncio
from collections import deque

from stowage_contracts.plugins import RangedReader, StreamReader

from hypervisor_agent.engine.reading import patiently

CHUNK = 1024 * 1024
"""Bytes read at a time of what is unpacked."""
HEAD = 64
"""First bytes looked at; enough for every signature of a compression."""

Source = RangedReader | StreamReader


class Peeked:
    """A stream whose first bytes were looked at already."""

    def __init__(self, stream: StreamReader, head: bytes) -> None:
        self._stream, self.head = stream, head
        self._left = memoryview(head)
        self.validator, self.framed = stream.validator, stream.framed

    @classmethod
    async def open(cls, stream: StreamReader) -> "Peeked":
        """Read the first ``HEAD`` bytes."""
        buffer = bytearray(HEAD)
        count = await stream.read_next(memoryview(buffer))
        return cls(stream, bytes(buffer[:count]))

    @property
    def received(self) -> int:
        """As the stream behind it."""
        return self._stream.received

    async def read_next(self, buffer: memoryview) -> int:
        """As the stream behind it, from its start."""
        count = min(len(self._left), len(buffer))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        if count == len(buffer):
            return count
        return count + await self._stream.read_next(buffer[count:])

    async def close(self) -> None:
        """As the stream behind it."""
        await self._stream.close()


class InOrder:
    """A ranged source from its start to its end, a few ranges ahead of its reader."""

    def __init__(self, source: RangedReader, ahead: int) -> None:
        self._source = source
        self._most = ahead if source.ranged else 1
        self._ahead: deque[asyncio.Task[bytes]] = deque()
        self._at = 0

    async def next(self) -> bytes:
        """The next bytes; none at the end."""
        while len(self._ahead) < self._most and self._at < self._source.size:
            length = min(CHUNK, self._source.size - self._at)
            self._ahead.append(asyncio.create_task(self._read(self._at, length)))
            self._at += length
        return await self._ahead.popleft() if self._ahead else b""

    async def close(self) -> None:
        """Stop reading."""
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)

    async def _read(self, offset: int, length: int) -> bytes:
        data = bytearray(length)
        await patiently(lambda: self._source.read_into(offset, memoryview(data)))
        return bytes(data)
