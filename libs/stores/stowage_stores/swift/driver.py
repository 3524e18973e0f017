"""SwiftDriver: ImageStoreDriver on a container."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from stowage_contracts.errors import Conflict, GrantRefused, InvalidInput, NotFound
from stowage_contracts.grants import Grant, PartDone
from stowage_contracts.keys import RESERVED, check_key, check_writer
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

from stowage_stores.completeness import check_complete
from stowage_stores.locks import KeyLocks
from stowage_stores.swift.capacity import capacity
from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.container import Container, Maker
from stowage_stores.swift.copies import Copies
from stowage_stores.swift.limits import Shape
from stowage_stores.swift.probe import Probe
from stowage_stores.swift.tempurl import Link, TempUrls
from stowage_stores.swift.writes import NoSession, Write, Writes

_URLS = 500
"""Most part URLs in one grant: they travel in one reply."""
_LONGEST_NOTE = 64 << 10


class SwiftDriver:
    """One container. Objects are manifests of segments that no link reaches any more."""

    def __init__(self, connection: SwiftConnection) -> None:
        self._settings = connection.settings
        self._connection = connection
        self.container, self.links = Container(connection), TempUrls(connection)
        self._writes = Writes(self.container, self.links)
        self._copies = Copies(self.container, self._writes)
        self._commits = KeyLocks()
        self.can = DriverAbilities(
            schemes=(self._settings.scheme,),
            multipart=True,
            max_object_bytes=self._settings.max_object_bytes,
            copies=True,
            server=self._settings.server,
            notes=True,
            lists_writes=True,
            unknown_length=True,
            expires=True,
        )

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Log in, clock, list, put, get, large object, links, delete: rows with own codes."""
        checks = await Probe(self.container, self._writes, self.links).run()
        room = await capacity(self._connection) if checks[-1].ok else Capacity()
        return checks, room

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        return (await self.container.head(check_key(key))).stat

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """In the order of the keys' bytes."""
        async for found in self.container.list(prefix):
            yield found

    async def delete(self, key: str) -> None:
        """Idempotent; takes segments, the note and abandoned writes of the key along."""
        check_key(key)
        with suppress(NotFound):
            held = await self.container.head(key)
            segments = await self._writes.announce(held) if held.session else None
            await (self.container.remove_large if held.large else self.container.remove)(key)
            if segments:
                await self._writes.drop(segments)
        await self.container.remove(_note(key))
        await self._writes.drop_abandoned(key)

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """TempURLs; a write names its session, its journal and the parts asked for."""
        check_key(ask.key)
        seconds = min(ask.seconds, self._settings.longest_grant_seconds)
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        if isinstance(ask, WriteAsk):
            return await self._write_grant(ask, seconds, expires)
        found = await self.stat(ask.key)
        key = await self.links.key()
        url = await self.links.link(Link("GET", self.container.path(ask.key), seconds, key))
        return Grant(uri=url, size=found.size, validator=found.validator, expires=expires)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """Make the manifest; after a lost reply the object and its writer are read instead."""
        check_key(ask.key), check_writer(ask.writer)
        async with self._commits.hold(ask.key):
            done = await self._completed(ask)
        if done.size != ask.size:
            raise Conflict("the object has another size", resource=ask.key, code="size")
        return done

    async def revoke(self, ask: RevokeAsk) -> None:
        """Delete the segments of a session or, without one, all of the writer's; objects stay."""
        check_key(ask.key), check_writer(ask.writer)
        if ask.session:
            given = [Write(ask.key, ask.writer, ask.session)]
        else:
            opened = await self._writes.of_key(ask.key)
            given = [write for write, _ in opened if write.writer == ask.writer]
        async with self._commits.hold(ask.key):
            for write in given:
                await self._give_up(write)

    def can_copy(self, source: str) -> str:
        """'' for a key of this store and ``swift://container/object`` of its account."""
        return self._copies.refusal(source)

    def key_of(self, source: str) -> str | None:
        """The key of this store that ``source`` names; None when it lies elsewhere."""
        return self._copies.key_of(source)

    def uri_of(self, key: str) -> str:
        """``swift://container/object``."""
        return self._copies.uri_of(key)

    async def copy(self, ask: CopyAsk) -> ObjectStat:
        """By the server alone; after a lost reply the object and its writer are read instead."""
        check_key(ask.key), check_writer(ask.writer)
        async with self._commits.hold(ask.key):
            made = await self._made_by(ask.key, ask.writer)
            if made is not None:
                return made
            write, parts = await self._copies.copy(ask)
            return await self._object(write or Write(ask.key, ask.writer, ""), parts)

    async def write_note(self, key: str, text: str) -> None:
        """Beside the object, below the reserved prefix."""
        name, content = _note(key), text.encode()
        if len(content) > _LONGEST_NOTE:
            raise InvalidInput("a note has at most 64 KiB", resource=key, code="note")
        await self.container.put(name, content)

    async def read_note(self, key: str) -> str:
        """Raises NotFound."""
        return (await self.container.get(_note(key))).decode(errors="replace")

    async def writes(self) -> AsyncIterator[OpenWrite]:
        """Segments without a manifest."""
        async for found in self._writes.list():
            yield found

    async def aclose(self) -> None:
        """Close connections; idempotent."""
        await self._connection.aclose()

    async def _write_grant(self, ask: WriteAsk, seconds: int, expires: datetime) -> Grant:
        settings, limits = self._settings, await self._connection.limits()
        check_writer(ask.writer)
        shape = limits.shape(ask.size, settings.segment_bytes, settings.max_object_bytes)
        if await self._made_by(ask.key, ask.writer):
            return _blank(ask, shape, expires).model_copy(update={"session": ask.session})
        try:
            if ask.session:
                write = await self._writes.find(ask.key, ask.session)
            else:
                write = await self._writes.begin(ask.key, ask.writer, shape)
            done = await self._writes.parts(write) if ask.session else ()
            count = min(ask.part_count, _URLS)
            last = min(limits.count(ask.size, write.shape), ask.first_part + count - 1)
            urls = await self._writes.urls(write, range(ask.first_part, last + 1), seconds)
        except NoSession:
            raise GrantRefused("the write was revoked", resource=ask.key, code="gone") from None
        told = {"session": write.session, "parts": urls, "done": done}
        return _blank(ask, write.shape, expires).model_copy(update=told)

    async def _completed(self, ask: CommitAsk) -> ObjectStat:
        made = await self._made_by(ask.key, ask.writer)
        if made is not None:
            return made
        try:
            write = await self._writes.find(ask.key, ask.session)
            parts = await self._writes.whole(write, ask.size)
        except NoSession:
            raise NotFound("nothing to commit", resource=ask.key) from None
        check_complete(parts, ask.size, ask.key)
        return await self._object(write, parts)

    async def _object(self, write: Write, parts: tuple[PartDone, ...]) -> ObjectStat:
        """Shut the write and make it an object, unless another one is there."""
        if parts:
            await self._writes.shut(write)
        placed = [(self._writes.part(write, part.number), part) for part in parts]
        with suppress(Conflict):  # the key was taken, perhaps by us: it is read below
            await self.container.make(Maker(write.key, write.writer, write.session), placed)
        made = await self._made_by(write.key, write.writer)
        if made is None:
            raise Conflict("segments changed meanwhile", resource=write.key, code="parts")
        if write.session:
            await (self._writes.close if parts else self._writes.drop)(write)
        return made

    async def _give_up(self, write: Write) -> None:
        if await self._writes.made(write):
            await self._writes.close(write)
            return
        await self._writes.drop(write)

    async def _made_by(self, key: str, writer: str) -> ObjectStat | None:
        """The object if ``writer`` made it, None if the key is free; raises Conflict."""
        try:
            held = await self.container.head(key)
        except NotFound:
            return None
        if held.writer != writer:
            raise Conflict("the key exists", resource=key, code="exists")
        return held.stat


def _blank(ask: WriteAsk, shape: Shape, expires: datetime) -> Grant:
    return Grant(
        writes=True,
        size=ask.size,
        part_size=shape.part_size,
        part_growth=shape.growth,
        expires=expires,
    )


def _note(key: str) -> str:
    return f"{RESERVED}/notes/{check_key(key)}"
