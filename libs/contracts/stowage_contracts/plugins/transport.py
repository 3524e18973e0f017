"""Transport: opens a grant of one URI scheme for ranged reads or writes."""

from typing import Protocol

from stowage_contracts.grants import FetchRules, Grant, PartUrl
from stowage_contracts.values import Bytes, Range, Value


class WriteShape(Value):
    """What a writer must know before the first byte."""

    size: Bytes
    """Length of the destination."""
    stall_seconds: float


class RangedReader(Protocol):
    """An opened source. ``size`` and ``validator`` are fixed for its life."""

    size: int
    validator: str
    """Strong ETag or Last-Modified; empty where the source has neither."""
    ranged: bool
    """False: only one read, from 0, in order."""

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``. Raises SourceChanged, Stalled, Unavailable."""
        ...

    async def close(self) -> None:
        """Release connections; idempotent."""
        ...


class RangedWriter(Protocol):
    """An opened destination; it is its own journal."""

    part_size: int
    """Writes are whole parts, aligned to it (the last may be short)."""

    async def journal(self) -> tuple[Range, ...]:
        """Ranges already durable from an earlier attempt, merged, in order."""
        ...

    async def write(self, offset: int, buffer: memoryview) -> None:
        """Store one part. Raises OutOfSpace, GrantRefused, Unavailable, Stalled."""
        ...

    async def zero(self, extent: Range) -> None:
        """Make one part read as zeros, storing nothing where the destination can."""
        ...

    async def finish(self) -> str:
        """Make everything durable, still invisible; the receipt's ``part``."""
        ...

    async def close(self) -> None:
        """Release; what was written stays for a successor. Idempotent."""
        ...


class PartSource(Protocol):
    """Where a multipart writer gets its next URLs (the grant's owner, through the bus)."""

    async def __call__(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        """URLs of ``count`` parts from ``first_part``. Raises GrantRefused, Unavailable."""
        ...


class Transport(Protocol):
    """One URI scheme family (entry-point group ``stowage.transport``, named by scheme)."""

    async def open_reader(self, grant: Grant, rules: FetchRules | None) -> RangedReader:
        """Open for reading. Raises SourceRefused, Unavailable, NotFound."""
        ...

    async def open_writer(
        self, grant: Grant, shape: WriteShape, parts: PartSource
    ) -> RangedWriter:
        """Open for writing. Raises OutOfSpace, GrantRefused, Unavailable."""
        ...
