"""Copies: objects copied by the server itself, segment by segment where they are large."""

import asyncio
import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from stowage_contracts.errors import InvalidInput, StowageError
from stowage_contracts.grants import PartDone
from stowage_contracts.keys import check_key, is_key
from stowage_contracts.plugins.image_store_driver import CopyAsk

from stowage_stores.swift.container import PATIENCE, Container, Held
from stowage_stores.swift.http import Ask
from stowage_stores.swift.limits import Shape
from stowage_stores.swift.writes import Write, Writes

_URI = re.compile(r"swift://([^/?#]+)/(.+)", re.DOTALL)
_AT_ONCE = 4


@dataclass(frozen=True)
class Piece:
    """What becomes one segment: a path, unquoted, and what it must hold."""

    path: str
    size: int
    etag: str = ""


class Copies:
    """Fills a write's container without a byte leaving the server."""

    def __init__(self, container: Container, writes: Writes) -> None:
        self._container, self._writes = container, writes
        self._connection = container.connection

    def refusal(self, source: str) -> str:
        """Why ``source`` can't be copied here; '' when it can."""
        if "://" not in source or _URI.fullmatch(source):
            return ""
        return "only objects of this account (a key, or swift://container/object) can be copied"

    def key_of(self, source: str) -> str | None:
        """The key in this container, below this prefix, that a URI names."""
        key = source.removeprefix(self._home)
        return key if source.startswith(self._home) and is_key(key) else None

    def uri_of(self, key: str) -> str:
        """The URI that names a key of this container, below this prefix."""
        return self._home + key

    @property
    def _home(self) -> str:
        told = self._container.settings
        return f"swift://{told.container}/{told.prefix}"

    async def copy(self, ask: CopyAsk) -> tuple[Write | None, tuple[PartDone, ...]]:
        """A filled write, none for an empty source. Raises NotFound, InvalidInput."""
        path = self._path(ask.source)
        held = await self._container.head_at(path, ask.source)
        if held.stat.size == 0:
            return None, ()
        pieces = await self._pieces(path, held, self._own_key(ask.source))
        write = await self._writes.begin(ask.key, ask.writer, Shape(pieces[0].size))
        try:
            return write, await self._copied(write, pieces)
        except StowageError:
            await self._writes.drop(write)
            raise

    def _path(self, source: str) -> str:
        if refusal := self.refusal(source):
            raise InvalidInput(refusal, resource=source, code="source")
        if match := _URI.fullmatch(source):
            return f"/{match[1]}/{match[2]}"
        return self._container.path(check_key(source))

    def _own_key(self, source: str) -> str | None:
        return self.key_of(source) if "://" in source else source

    async def _pieces(self, path: str, held: Held, key: str | None) -> list[Piece]:
        if held.large:
            if held.session and key:
                own = Write(key, held.writer, held.session)
                parts = await self._writes.parts(own)
                return [Piece(self._writes.part(own, p.number), p.size, p.etag) for p in parts]
            if pieces := await self._foreign(path, held):
                return pieces
        limits = await self._connection.limits()
        if held.stat.size > limits.segment_bytes:
            cause = "it is larger than one segment and tells nothing of its own"
            raise InvalidInput(cause, resource=held.stat.key, code="too_large")
        return [Piece(path, held.stat.size)]

    async def _foreign(self, path: str, held: Held) -> list[Piece]:
        """Segments of somebody's manifest; none where it is nested, cut up or not shown."""
        answer = await self._connection.call(
            Ask("GET", path, {"multipart-manifest": "get"}), held.stat.key
        )
        rows = json.loads(answer.body or b"[]")
        if any(row.get("range") or row.get("sub_slo") or "name" not in row for row in rows):
            return []
        pieces = [Piece(row["name"], row["bytes"], row["hash"]) for row in rows]
        return pieces if sum(piece.size for piece in pieces) == held.stat.size else []

    async def _copied(self, write: Write, pieces: list[Piece]) -> tuple[PartDone, ...]:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, piece: Piece) -> PartDone:
            async with turns:
                return await self._one(write, number, piece)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(*each)) for each in enumerate(pieces, 1)]
        except* StowageError as errors:
            raise errors.exceptions[0] from None
        return tuple(task.result() for task in tasks)

    async def _one(self, write: Write, number: int, piece: Piece) -> PartDone:
        told = {"X-Copy-From": quote(piece.path), "X-Fresh-Metadata": "true"}
        path = self._writes.part(write, number)
        await self._connection.call(Ask("PUT", path, {}, told, patience=PATIENCE), write.key)
        made = (await self._container.head_at(path, write.key)).stat
        etag = made.validator.strip('"')
        if made.size != piece.size or (piece.etag and piece.etag != etag):
            raise InvalidInput("the source changed meanwhile", resource=piece.path, code="source")
        return PartDone(number=number, size=made.size, etag=etag)
