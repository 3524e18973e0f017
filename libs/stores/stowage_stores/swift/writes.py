"""Writes: a container of segments for each, which is shut when the write ends.

Its own TempURL key is all that opens it to an agent (or, where keys are accounts' only, its
quota shuts it): a part that comes after commit or revoke finds nothing to overwrite.
"""

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stowage_contracts.errors import Conflict, NotFound, Unavailable
from stowage_contracts.grants import PartDone, PartUrl
from stowage_contracts.keys import RESERVED, is_key
from stowage_contracts.parts import count_of_parts
from stowage_contracts.plugins.image_store_driver import OpenWrite

from stowage_stores.swift.container import Container, Held
from stowage_stores.swift.http import Ask
from stowage_stores.swift.limits import Shape
from stowage_stores.swift.tempurl import Link, TempUrls

_SESSION = re.compile(r"[0-9a-f]{24}")
_MARKS = f"{RESERVED}/writes/"
_KEY = "X-Container-Meta-Temp-Url-Key"
_NO_KEY = "X-Remove-Container-Meta-Temp-Url-Key"
_SHUT = {"X-Container-Meta-Quota-Bytes": "1", "X-Container-Meta-Quota-Count": "1"}
_AT_ONCE = 8
_ABANDONED = timedelta(days=1)
NO_SHAPE = Shape(0)
"""Of a write whose segments are not read any more."""


class NoSession(Exception):
    """The write is not there: committed, revoked or never begun."""


@dataclass(frozen=True)
class Write:
    """One write that was begun."""

    key: str
    writer: str
    session: str
    shape: Shape = NO_SHAPE

    @property
    def mark(self) -> str:
        """The object that tells of it while it is open."""
        return f"{_marks_of(self.key)}{self.session}"

    @property
    def note(self) -> bytes:
        """What the mark says."""
        told = {"key": self.key, "writer": self.writer}
        shape = {"part_size": self.shape.part_size, "growth": self.shape.growth}
        return json.dumps(told | shape).encode()


class Writes:
    """The open writes of one store."""

    def __init__(self, container: Container, links: TempUrls) -> None:
        self._container, self._links = container, links
        self._connection, self._settings = container.connection, container.settings

    async def begin(self, key: str, writer: str, shape: Shape) -> Write:
        """A new one; it can be found from before it holds anything."""
        write = Write(key, writer, secrets.token_hex(12), shape)
        await self._container.put(write.mark, write.note)
        limits = await self._connection.limits()
        opened = {_KEY: secrets.token_hex(20)} if limits.container_keys else {}
        headers = {**opened, **self._settings.placed}
        await self._connection.call(Ask("PUT", f"/{self.place(write)}", {}, headers), key)
        return write

    async def find(self, key: str, session: str) -> Write:
        """Raises NoSession."""
        if not _SESSION.fullmatch(session):
            raise NoSession
        try:
            return _written(session, await self._container.get(Write(key, "", session).mark))
        except NotFound:
            raise NoSession from None

    async def parts(self, write: Write) -> tuple[PartDone, ...]:
        """What its container lists. Raises NoSession."""
        rows = self._container.rows(self.place(write))
        try:
            return tuple(
                [
                    PartDone(number=int(row["name"]), size=row["bytes"], etag=row["hash"])
                    async for row in rows
                    if row["name"].isdigit()
                ]
            )
        except Unavailable as error:
            if error.code != "unavailable.container":
                raise
            raise NoSession from None

    async def whole(self, write: Write, size: int) -> tuple[PartDone, ...]:
        """All parts of ``size`` bytes that are there: listings may lag, so gaps are looked up."""
        listed = {part.number: part for part in await self.parts(write)}
        last = count_of_parts(size, write.shape.part_size, write.shape.growth)
        missing = [number for number in range(1, last + 1) if number not in listed]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def seen(number: int) -> PartDone | None:
            async with turns:
                return await self._seen(write, number)

        found = await asyncio.gather(*map(seen, missing))
        listed |= {part.number: part for part in found if part}
        return tuple(listed[number] for number in sorted(listed))

    async def urls(self, write: Write, numbers: Sequence[int], seconds: int) -> tuple[PartUrl, ...]:
        """A signed PUT for each part. Raises NoSession when it was shut."""
        key = await self._key(write) if numbers else ""
        made = []
        for number in numbers:
            url = await self._links.link(Link("PUT", self.part(write, number), seconds, key))
            made.append(PartUrl(number=number, url=url))
            await asyncio.sleep(0)  # signing is all CPU
        return tuple(made)

    async def shut(self, write: Write) -> None:
        """No link opens it any more."""
        ask = Ask("POST", f"/{self.place(write)}", {}, {_NO_KEY: "x", **_SHUT})
        await self._connection.call(ask, write.key, 404)

    async def close(self, write: Write) -> None:
        """It is an object now."""
        await self._container.remove(write.mark)

    async def drop(self, write: Write) -> None:
        """Take everything away that it left; what was not shut in time is taken again."""
        await self.shut(write)
        try:
            async with asyncio.timeout(4 * self._settings.timeout_seconds):
                while not await self._wiped(write):  # noqa: ASYNC110 the server tells nobody
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise Unavailable("segments are still there", resource=write.key) from None
        await self.close(write)

    async def announce(self, held: Held) -> Write:
        """Tell of the segments of an object that is about to be deleted."""
        write = Write(held.stat.key, held.writer, held.session)
        await self._container.put(write.mark, write.note)
        return write

    async def of_key(self, key: str) -> list[tuple[Write, datetime]]:
        """Open writes of exactly ``key`` and when they began."""
        return [found async for found in self._marked(_marks_of(key)) if found[0].key == key]

    async def drop_abandoned(self, key: str) -> None:
        """Those whose beginner died before it could note them."""
        before = datetime.now(UTC) - _ABANDONED
        for write, began in await self.of_key(key):
            if began < before:
                await self.drop(write)

    async def list(self) -> AsyncIterator[OpenWrite]:
        """Every open one; what a commit left behind is tidied up instead."""
        async for write, began in self._marked(_MARKS):
            if await self.made(write):
                await self.close(write)
                continue
            yield OpenWrite(
                key=write.key,
                writer=write.writer,
                session=write.session,
                began=began,
                size=await self._size(write),
            )

    async def made(self, write: Write) -> bool:
        """Whether the object at its key is of this write."""
        try:
            return (await self._container.head(write.key)).session == write.session
        except NotFound:
            return False

    def place(self, write: Write) -> str:
        """The container of its segments."""
        return f"{self._settings.segments_start}{write.session}"

    def part(self, write: Write, number: int) -> str:
        """Path of a segment below the account."""
        return f"/{self.place(write)}/{number:06}"

    async def _marked(self, start: str) -> AsyncIterator[tuple[Write, datetime]]:
        own = self._settings.prefix
        async for row in self._container.rows(self._settings.container, own + start):
            name = row["name"].removeprefix(own)
            try:
                write = _written(name.rpartition("-")[2], await self._container.get(name))
            except NotFound:  # ended meanwhile
                continue
            if is_key(write.key):
                yield write, datetime.fromisoformat(row["last_modified"]).replace(tzinfo=UTC)

    async def _seen(self, write: Write, number: int) -> PartDone | None:
        try:
            held = await self._container.head_at(self.part(write, number), write.key)
        except NotFound:
            return None
        etag = held.stat.validator.strip('"')
        return PartDone(number=number, size=held.stat.size, etag=etag)

    async def _key(self, write: Write) -> str:
        if not (await self._connection.limits()).container_keys:
            return await self._links.key()
        ask = Ask("HEAD", f"/{self.place(write)}")
        found = await self._connection.call(ask, write.key, 404)
        if not found.headers.get(_KEY):
            raise NoSession
        return found.headers[_KEY]

    async def _size(self, write: Write) -> int | None:
        try:
            return sum(part.size for part in await self.parts(write))
        except NoSession:
            return None

    async def _wiped(self, write: Write) -> bool:
        """Whether its container is gone."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def gone(number: int) -> None:
            async with turns:
                path = self.part(write, number)
                await self._connection.call(Ask("DELETE", path), write.key, 404)

        try:
            await asyncio.gather(*(gone(part.number) for part in await self.parts(write)))
            await self._connection.call(Ask("DELETE", f"/{self.place(write)}"), write.key, 404)
        except NoSession:
            return True
        except Conflict:  # not empty: a part in flight arrived
            return False
        return True


def _marks_of(key: str) -> str:
    """Keys are longer than names of objects may be."""
    return f"{_MARKS}{hashlib.sha256(key.encode()).hexdigest()[:16]}-"


def _written(session: str, note: bytes) -> Write:
    told = json.loads(note)
    shape = Shape(int(told["part_size"]), int(told["growth"]))
    return Write(str(told["key"]), str(told["writer"]), session, shape)
