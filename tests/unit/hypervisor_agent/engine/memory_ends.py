"""A source and a destination in memory that fail when a test says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from stowage_contracts.values import TREE_LEAF, Range


@dataclass
class MemorySource:
    """Ranged reads of bytes."""

    data: bytes
    ranged: bool = True
    validator: str = '"v"'
    received: int = 0
    fails: list[Exception] = field(default_factory=list)
    """Raised by the next reads."""
    holes: bool = False
    reads: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    async def next_data(self, offset: int) -> int:
        if not self.holes:
            return offset
        rest = self.data[offset:]
        return offset + len(rest) - len(rest.lstrip(b"\0"))

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        self.reads.append(offset)
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop(0)
        buffer[:] = self.data[offset : offset + len(buffer)]
        self.received += len(buffer)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemorySink:
    """Parts in memory."""

    size: int
    part_size: int = TREE_LEAF
    sparse: bool = True
    sent: int = 0
    readable: bool = True
    done: tuple[Range, ...] = ()
    fails: dict[int, Exception] = field(default_factory=dict)
    """Raised when the part at an offset is written."""
    written: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = bytearray(b"\xff" * self.size)

    async def journal(self) -> tuple[Range, ...]:
        return self.done

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        if self.readable:
            buffer[:] = self.data[offset : offset + len(buffer)]
        return self.readable

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        return self.data[offset : offset + len(buffer)] == buffer

    async def write(self, offset: int, buffer: memoryview) -> None:
        await asyncio.sleep(0)
        if offset in self.fails:
            raise self.fails[offset]
        self.data[offset : offset + len(buffer)] = buffer
        self.written.append(offset)
        self.sent += len(buffer)

    async def zero(self, extent: Range) -> None:
        self.data[extent.offset : extent.end] = bytes(extent.length)

    async def finish(self) -> str:
        return "part"

    async def close(self, *, keep: bool = True) -> None:
        """Nothing is open."""
