"""Transport: opens a grant of one URI scheme for ranged reads or writes."""

from typing import Protocol, runtime_checkable

from stowage_contracts.grants import FetchRules, Grant, PartUrl
from stowage_contracts.values import Bytes, Range, Value


class TransportSettings(Value):
    """What every transport is made with."""

    roots: tuple[str, ...] = ()
    """Directories ``file`` grants may lie in."""
    connections: int = 4
    """Most requests one reader or writer has open."""


class ReadShape(Value):
    """How a source is to be read."""

    stall_seconds: float = 30.0
    rules: FetchRules | None = None
    """Set for user-given URLs."""


class WriteShape(Value):
    """What a writer must know before the first byte."""

    size: Bytes
    """Length of the destination; 0 where it ``grows``."""
    grows: bool = False
    """The length is told last: only a GrowingWriter can be opened so."""
    stall_seconds: float = 30.0
    source_validator: str = ""
    """Pins the journal to the bytes it was written from; empty trusts no journal."""
    sparse: bool = False
    """Much of it may be zeros, so ``size`` need not fit where zeros cost nothing."""


class RangedReader(Protocol):
    """An opened source. ``size`` and ``validator`` are fixed for its life."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    @property
    def validator(self) -> str:
        """Strong ETag or Last-Modified; empty where the source has neither."""
        ...

    @property
    def ranged(self) -> bool:
        """False: reads come from 0, in order, one at a time."""
        ...

    @property
    def received(self) -> int:
        """Bytes that arrived so far, those read again included."""
        ...

    async def next_data(self, offset: int) -> int:
        """Where data may begin at or after ``offset``; everything before it reads as zeros.
        ``size`` when nothing follows, ``offset`` when it isn't known."""
        ...

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``. Raises SourceChanged, SourceRefused, Stalled,
        Unavailable, GrantRefused."""
        ...

    async def close(self) -> None:
        """Release connections; idempotent."""
        ...


@runtime_checkable
class StreamReader(Protocol):
    """An opened source that tells its length only by ending; read once, from start to end."""

    @property
    def validator(self) -> str:
        """As a RangedReader's."""
        ...

    @property
    def framed(self) -> bool:
        """Whether a broken connection can be told from the end."""
        ...

    @property
    def received(self) -> int:
        """Bytes that arrived so far, those read again included."""
        ...

    async def read_next(self, buffer: memoryview) -> int:
        """Fill ``buffer`` with what comes next; fewer bytes than it holds only at the end. Tries
        again by itself what may be tried again. Raises as a RangedReader."""
        ...

    async def close(self) -> None:
        """Release connections; idempotent."""
        ...


class RangedWriter(Protocol):
    """An opened destination; it is its own journal."""

    @property
    def part_size(self) -> int:
        """Writes are whole parts, aligned to it (the last may be short); whole 4 MiB leaves."""
        ...

    @property
    def sparse(self) -> bool:
        """Zeros cost nothing here, in any length."""
        ...

    @property
    def sent(self) -> int:
        """Bytes stored so far by this writer, zeros it left out not counted."""
        ...

    async def journal(self) -> tuple[Range, ...]:
        """Ranges already durable from an earlier attempt, merged, in order."""
        ...

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Fill ``buffer`` with stored bytes; False where the destination can't be read."""
        ...

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Whether the journaled part at ``offset`` is known to be these bytes. A long part may
        come as consecutive slices; the answer to its last one counts."""
        ...

    async def write(self, offset: int, buffer: memoryview) -> None:
        """Store one part. A long one may come as consecutive slices, whole leaves each; when one
        fails, the part comes again from its first. Raises OutOfSpace, GrantRefused, Unavailable,
        Stalled."""
        ...

    async def zero(self, extent: Range) -> None:
        """Make whole parts read as zeros, storing nothing where the destination can."""
        ...

    async def finish(self) -> str:
        """Make everything durable, still invisible; the receipt's ``part``."""
        ...

    async def close(self, *, keep: bool = True) -> None:
        """Release; what was written stays for a successor unless ``keep`` is False and it can
        be deleted from here. Idempotent."""
        ...


@runtime_checkable
class GrowingWriter(RangedWriter, Protocol):
    """Optional: a destination that may be opened before its length is known
    (``WriteShape.grows``). Its journal may be empty, whatever it holds."""

    def part_at(self, offset: Bytes) -> Bytes:
        """Length of the part that begins at ``offset``: whole leaves, and never less later on."""
        ...

    async def ends(self, size: Bytes) -> None:
        """The length; told once, before a short last part is written and before ``finish``.
        Raises SourceChanged when an earlier attempt left parts beyond it."""
        ...


class PartSource(Protocol):
    """Where a multipart writer gets its next URLs (the grant's owner, through the bus)."""

    async def __call__(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        """URLs of ``count`` parts from ``first_part``. Raises GrantRefused, Unavailable."""
        ...


class Transport(Protocol):
    """One URI scheme family (entry-point group ``stowage.transport``, named by scheme).

    Made with one argument, its TransportSettings.
    """

    async def open_reader(self, grant: Grant, shape: ReadShape) -> RangedReader | StreamReader:
        """Open for reading; as a stream only what does not tell its length.

        Raises SourceRefused, Unavailable, NotFound, GrantRefused.
        """
        ...

    async def open_writer(self, grant: Grant, shape: WriteShape, parts: PartSource) -> RangedWriter:
        """Open for writing. Raises OutOfSpace, GrantRefused, Unavailable."""
        ...
