"""ImageStoreDriver: objects by key on one image (or cache) store."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from stowage_contracts.grants import Grant
from stowage_contracts.values import Bytes, Instant, Value
from stowage_contracts.views import ProbeCheck


class ObjectStat(Value):
    """One stored object."""

    key: str
    size: Bytes
    validator: str = ""


class Capacity(Value):
    """Room on a store; None where it has no end (object stores)."""

    total_bytes: Bytes | None = None
    used_bytes: Bytes | None = None


class DriverAbilities(Value):
    """What a driver can do; lacking abilities are refused at planning time."""

    schemes: tuple[str, ...]
    root: str = ""
    """For ``file``: the directory an endpoint must see."""
    multipart: bool = False
    max_object_bytes: Bytes | None = None
    copies: bool = False
    """It is a ServerSideCopy too."""
    server: str = ""
    """With ``copies``: names server and account, never a secret; stores that say the same copy
    from each other by ``uri_of``. Empty where a store copies its own objects only."""
    notes: bool = False
    """It is a NoteKeeper too."""
    lists_writes: bool = False
    """It is a WriteLister too."""
    unknown_length: bool = False
    """A write may begin before its size is known."""
    expires: bool = False
    """The server itself refuses a grant once it has expired."""


class ReadAsk(Value):
    """Read one whole object, in ranges."""

    key: str
    seconds: int


class WriteAsk(Value):
    """Write one new object.

    ``writer`` (``<hop>.<generation>``) names the temporary destination: the same writer finds
    its own parts again, another never touches them.
    """

    key: str
    writer: str
    size: Bytes | None = None
    seconds: int
    session: str = ""
    """From the first grant of this writer; empty to begin."""
    first_part: int = 1
    part_count: int = 0


class CommitAsk(Value):
    """Make a finished write visible under its key."""

    key: str
    writer: str
    session: str = ""
    size: Bytes
    """What the object must be when it is complete."""


class RevokeAsk(Value):
    """Give up a write: abort the session, delete its parts."""

    key: str
    writer: str
    session: str = ""


class ImageStoreDriver(Protocol):
    """One open store. Every call may raise Unavailable; none blocks the event loop."""

    can: DriverAbilities

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Put, get, list, multipart (if able) and delete a probe object; a failed check is a
        row, not an exception. Leaves nothing behind."""
        ...

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """Every committed object whose key starts with ``prefix``, in key order."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent: an absent key is success."""
        ...

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """Access for ``ask.seconds``. A read of an absent key raises NotFound; a write of an
        existing key raises Conflict (unless this writer committed it)."""
        ...

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Idempotent: committing again after a lost reply finds the object and answers it.
        Raises NotFound when there is nothing to commit, Conflict when the size differs."""
        ...

    async def revoke(self, ask: RevokeAsk) -> None:
        """Idempotent. A committed object stays."""
        ...


class CopyAsk(Value):
    """Copy one object to a new key without its bytes leaving the server."""

    source: str
    """A key of this store, or the URI of an object elsewhere on the same server
    (``s3://bucket/key``, ``swift://container/object``); no key can hold ``://``."""
    key: str
    writer: str
    """Names who made the copy, as for a commit."""


@runtime_checkable
class ServerSideCopy(Protocol):
    """Optional: copies within one server (``can.copies``)."""

    def can_copy(self, source: str) -> str:
        """'' when ``source`` (as in CopyAsk) lies on this server, else why it can't be copied."""
        ...

    def key_of(self, source: str) -> str | None:
        """The key of this store that a URI names; None when it lies elsewhere."""
        ...

    def uri_of(self, key: str) -> str:
        """How stores of the same ``server`` name an object of this one (``key_of`` turns it back);
        the key itself where there are none."""
        ...

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        """Idempotent per writer; never overwrites. Raises NotFound (no source), Conflict (another
        object is at the key), Unavailable."""
        ...


@runtime_checkable
class NoteKeeper(Protocol):
    """Optional: keeps a small text beside an object (``can.notes``), deleted along with it.

    Notes are never listed as objects.
    """

    async def write_note(self, key: str, text: str) -> None:
        """Replace the note of ``key`` (at most 64 KiB)."""
        ...

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        ...


class OpenWrite(Value):
    """A write that was begun and neither committed nor revoked."""

    key: str
    writer: str = ""
    """Empty where the store can't tell."""
    session: str = ""
    began: Instant | None = None
    size: Bytes | None = None
    """Bytes it holds, where the store tells."""


@runtime_checkable
class WriteLister(Protocol):
    """Optional: tells what unfinished writes a store holds (``can.lists_writes``)."""

    def writes(self) -> AsyncIterator[OpenWrite]:
        """Every unfinished write below this store's prefix; ``revoke`` takes what it names."""
        ...
