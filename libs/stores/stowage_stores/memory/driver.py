"""MemoryDriver: ImageStoreDriver on a shelf."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, OutOfSpace
from stowage_contracts.grants import Grant
from stowage_contracts.keys import check_key, check_writer
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    CopyAsk,
    DriverAbilities,
    ObjectStat,
    OpenWrite,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.views import ProbeCheck

from stowage_stores.memory.shelf import Shelf, Stored

_LONGEST_NOTE = 64 << 10


class MemoryDriver:
    """One shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self.can = DriverAbilities(
            schemes=("memory",),
            max_object_bytes=shelf.capacity,
            copies=True,
            notes=True,
            lists_writes=True,
            unknown_length=True,
            expires=True,
        )
        self.shelf = shelf

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Memory is there."""
        room = Capacity(total_bytes=self.shelf.capacity, used_bytes=self.shelf.used)
        return (ProbeCheck(name="memory", ok=True),), room

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        stored = self.shelf.objects.get(check_key(key))
        if stored is None:
            raise NotFound("no such object", resource=key)
        return stored.described(key)

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """In the order of the keys' bytes."""
        for key in sorted(self.shelf.objects, key=str.encode):
            if key.startswith(prefix) and key in self.shelf.objects:
                yield self.shelf.objects[key].described(key)

    async def delete(self, key: str) -> None:
        """Idempotent."""
        self.shelf.objects.pop(check_key(key), None)
        self.shelf.notes.pop(key, None)

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """A token that only this process's shelf knows."""
        expires = datetime.now(UTC) + timedelta(seconds=ask.seconds)
        if isinstance(ask, WriteAsk):
            self._begin(ask)
            uri = self.shelf.issue(ask.key, writer=ask.writer, seconds=ask.seconds)
            return Grant(writes=True, uri=SecretStr(uri), size=ask.size, expires=expires)
        found = await self.stat(ask.key)
        uri = self.shelf.issue(ask.key, seconds=ask.seconds)
        return Grant(
            uri=SecretStr(uri), size=found.size, validator=found.validator, expires=expires
        )

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Move the part to its key, which must be free."""
        stored = self.shelf.objects.get(check_key(ask.key))
        part = self.shelf.parts.get((ask.writer, ask.key))
        if stored is None or stored.writer != ask.writer:
            if part is None:
                raise NotFound("nothing to commit", resource=ask.key)
            if stored is not None:
                raise Conflict("the key exists", resource=ask.key, code="exists")
            stored = Stored(bytes(part), ask.writer)
        if len(stored.content) != ask.size:
            raise Conflict("the size differs from the receipt", resource=ask.key, code="size")
        self.shelf.parts.pop((ask.writer, ask.key), None)
        self.shelf.objects[ask.key] = stored
        return stored.described(ask.key)

    async def revoke(self, ask: RevokeAsk) -> None:
        """Drop the part."""
        self.shelf.parts.pop((ask.writer, ask.key), None)

    def can_copy(self, source: str) -> str:
        """'' for a key of this shelf."""
        return "only objects of this shelf can be copied" if "://" in source else ""

    def key_of(self, source: str) -> str | None:
        """None: no URI names memory."""
        return None

    def uri_of(self, key: str) -> str:
        """The key: no other store copies from here."""
        return key

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        """The bytes are shared."""
        if why := self.can_copy(ask.source):
            raise InvalidInput(why, resource=ask.source, code="source")
        made = self.shelf.objects.get(check_key(ask.key))
        if made is None:
            await self.stat(ask.source)
            made = Stored(self.shelf.objects[ask.source].content, check_writer(ask.writer))
        if made.writer != ask.writer:
            raise Conflict("the key exists", resource=ask.key, code="exists")
        self.shelf.objects[ask.key] = made
        return made.described(ask.key)

    async def write_note(self, key: str, text: str) -> None:
        """Replace the note of ``key``."""
        if len(text.encode()) > _LONGEST_NOTE:
            raise InvalidInput("a note has at most 64 KiB", resource=key, code="note")
        self.shelf.notes[check_key(key)] = text

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        if check_key(key) not in self.shelf.notes:
            raise NotFound("no note", resource=key)
        return self.shelf.notes[key]

    async def writes(self) -> AsyncIterator[OpenWrite]:
        """Every part."""
        for (writer, key), part in tuple(self.shelf.parts.items()):
            yield OpenWrite(key=key, writer=writer, size=len(part))

    def _begin(self, ask: WriteAsk) -> None:
        if (ask.size or 0) > self.shelf.capacity:
            raise OutOfSpace("larger than the shelf", resource=ask.key)
        stored = self.shelf.objects.get(check_key(ask.key))
        if stored is not None:
            if stored.writer != check_writer(ask.writer):
                raise Conflict("the key exists", resource=ask.key, code="exists")
            return
        self.shelf.parts.setdefault((check_writer(ask.writer), ask.key), bytearray())
