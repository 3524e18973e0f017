"""AcmeDriver: bytes in plain files, and a catalogue in SQLite that alone makes them visible."""

import sqlite3
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from stowage_contracts.errors import Conflict, NotFound, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.keys import check_key, check_writer
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    DriverAbilities,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.views import ProbeCheck

_TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, writer, size, validator)"
_ONE = "SELECT key, size, validator, writer FROM objects WHERE key = ?"
_ADD = "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?)"
_LIST = "SELECT key, size, validator FROM objects WHERE substr(key, 1, ?) = ? ORDER BY key"


class AcmeDriver:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.can = DriverAbilities(schemes=("file",), root=str(folder), unknown_length=True)
        self._folder = folder

    async def probe(self) -> tuple[tuple[ProbeCheck, ...], Capacity]:
        """Opens the catalogue for writing."""
        try:
            await self._sql("DELETE FROM objects WHERE key IS NULL")
        except Unavailable as error:
            return (
                ProbeCheck(name="catalogue", ok=False, code="sql", cause=error.cause),
            ), Capacity()
        return (ProbeCheck(name="catalogue", ok=True),), Capacity()

    async def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        return (await self._find(key))[0]

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectStat]:
        """SQLite orders text by its bytes."""
        for key, size, validator in await self._sql(_LIST, len(prefix), prefix):
            yield ObjectStat(key=key, size=size, validator=validator)

    async def delete(self, key: str) -> None:
        """The row first: from then on nobody finds the file."""
        try:
            _, writer = await self._find(key)
        except NotFound:
            return
        await self._sql("DELETE FROM objects WHERE key = ?", key)
        await to_thread(self._file(key, writer).unlink, missing_ok=True)

    async def grant(self, ask: ReadAsk | WriteAsk) -> Grant:
        """A path; a write begins with an empty part of the writer's own."""
        expires = datetime.now(UTC) + timedelta(seconds=ask.seconds)
        if isinstance(ask, WriteAsk):
            part = _part(self._file(ask.key, ask.writer))
            if await self._committed(ask.key, ask.writer) is None:
                await to_thread(part.touch)
            return Grant(writes=True, uri=SecretStr(part.as_uri()), size=ask.size, expires=expires)
        found, writer = await self._find(ask.key)
        uri = SecretStr(self._file(ask.key, writer).as_uri())
        return Grant(uri=uri, size=found.size, validator=found.validator, expires=expires)

    async def commit(self, ask: CommitAsk) -> ObjectStat:
        """One row makes the file an object; the primary key lets only one writer win.

        The part is renamed first: whoever still holds its path writes to nothing.
        """
        if await self._committed(ask.key, ask.writer) is None:
            file, size = self._file(ask.key, ask.writer), ask.size
            await to_thread(_settle, file, size)
            await self._sql(_ADD, ask.key, ask.writer, size, f'"{uuid4()}"')
        found = await self._committed(ask.key, ask.writer)
        if found is None or found.size != ask.size:
            raise Conflict("deleted or changed meanwhile", resource=ask.key)
        return found

    async def revoke(self, ask: RevokeAsk) -> None:
        """Remove the file unless it became the object."""
        try:
            _, writer = await self._find(ask.key)
        except NotFound:
            writer = ""
        if writer != check_writer(ask.writer):
            file = self._file(ask.key, ask.writer)
            for path in (_part(file), file):
                await to_thread(path.unlink, missing_ok=True)

    async def _find(self, key: str) -> tuple[ObjectStat, str]:
        for _, size, validator, writer in await self._sql(_ONE, check_key(key)):
            return ObjectStat(key=key, size=size, validator=validator), writer
        raise NotFound("no such object", resource=key)

    async def _committed(self, key: str, writer: str) -> ObjectStat | None:
        """The object if this writer made it, None if the key is free."""
        try:
            found, by = await self._find(key)
        except NotFound:
            return None
        if by != writer:
            raise Conflict("the key exists", resource=key, code="exists")
        return found

    def _file(self, key: str, writer: str) -> Path:
        name = f"{check_key(key)}\n{check_writer(writer)}"
        return self._folder / sha256(name.encode()).hexdigest()

    async def _sql(self, query: str, *values: Any) -> Iterable[tuple[Any, ...]]:
        return await to_thread(self._sql_now, query, values)

    def _sql_now(self, query: str, values: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(self._folder / "acme.db")) as catalogue, catalogue:
                catalogue.execute(_TABLE)
                return catalogue.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(str(error), resource=str(self._folder)) from error


def _part(file: Path) -> Path:
    return file.with_suffix(".part")


def _settle(file: Path, size: int) -> None:
    """Rename the part, unless an earlier commit did; raises NotFound, Conflict."""
    for found in (_part(file), file):
        with suppress(FileNotFoundError):
            if found.stat().st_size != size:
                raise Conflict("the size differs from the receipt", code="size")
            found.rename(file)
            return
    raise NotFound("nothing to commit")
