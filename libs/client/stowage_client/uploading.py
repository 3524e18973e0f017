"""Upload of a file: in parts sent side by side, or through a door; either goes on where it was."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from stowage_contracts.errors import Conflict, InvalidInput, SourceRefused
from stowage_contracts.grants import PartDone
from stowage_contracts.parts import count_of_parts, offset_of_part, size_of_part
from stowage_contracts.values import Bytes, Range

from stowage_client.answers import UploadSession
from stowage_client.door import Door
from stowage_client.meter import Meter, Report
from stowage_client.nouns.objects import Objects
from stowage_client.sending import CHUNK, Patience, Sender, outside, persistently
from stowage_client.session import Pauses

TOGETHER = 4
"""Parts on their way at one time."""
PLACED_SECONDS = 15.0
BATCH = 32
"""Part URLs asked for at once; they expire, so not all."""


@dataclass(frozen=True)
class Upload:
    """One file for one registered object."""

    objects: Objects[Any, Any]
    id: str
    path: Path
    report: Report
    patience: Patience = field(default_factory=Patience)

    async def send(self) -> Bytes:
        """Send what has not arrived yet, and say that it is all; the size in bytes.

        Interrupted and called again it goes on. Raises StowageError.
        """
        with _opened(self.path) as file:
            before = os.fstat(file)
            if not before.st_size:
                raise InvalidInput("the file is empty", resource=str(self.path), code="empty")
            await self._send(file, before.st_size)
            after = os.fstat(file)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise SourceRefused(
                "the file changed while it was sent",
                resource=str(self.path),
                code="changed",
                hint="register and upload it again",
            )
        await self.objects.finish_upload(self.id, before.st_size)
        return before.st_size

    async def _send(self, file: int, size: Bytes) -> None:
        session = await self._begin()
        meter = Meter(size, self.report)
        async with outside() as http:
            sender = Sender(http, file, meter, self.patience)
            if session.url is not None:
                await Door(sender, self._address, session.url.get_secret_value()).send()
            else:
                await _Parts(self, sender, session).send()
        meter.tell("sent")

    async def _begin(self) -> UploadSession:
        """Open it; one that was registered a moment ago may not have its place yet."""
        pauses, placed = Pauses(PLACED_SECONDS), False
        while True:
            try:
                return await self.objects.open_upload(self.id)
            except Conflict:
                if placed:
                    raise
                view = await self.objects.show(self.id)
                if view.error is not None:
                    raise view.error.error() from None
                placed = bool(view.replicas) or not view.upload
                if not await pauses.rest():
                    raise

    async def _address(self) -> str:
        session = await self.objects.open_upload(self.id)
        if session.url is None:
            raise InvalidInput(
                "the upload goes elsewhere now", resource=self.id, hint="begin it again"
            )
        return session.url.get_secret_value()


@dataclass(frozen=True)
class _Parts:
    """The upload in parts."""

    upload: Upload
    sender: Sender
    session: UploadSession
    urls: dict[int, str] = field(default_factory=dict)
    """Part URLs told and not used yet."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self) -> None:
        """Send the missing ones, some side by side."""
        waiting = iter([number async for number in self._missing()])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(TOGETHER):
                    group.create_task(self._send_each(waiting))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _missing(self) -> AsyncIterator[int]:
        arrived = {part.number: part for part in self.session.done}
        size, growth = self.session.part_size, self.session.part_growth
        for number in range(1, count_of_parts(self.sender.meter.total, size, growth) + 1):
            part, piece = arrived.get(number), self._piece(number)
            if part is not None and await self._same(part, piece):
                self.sender.meter.moved(piece.length)
            else:
                yield number

    async def _same(self, part: PartDone, piece: Range) -> bool:
        """Whether what arrived is of this file: its length, and its MD5 where the etag is one."""
        if part.size != piece.length:
            return False
        etag = part.etag.strip('"').lower()
        if len(etag) != 32 or set(etag) - set("0123456789abcdef"):
            return True
        return await asyncio.to_thread(_md5, self.sender.file, piece) == etag

    def _piece(self, number: int) -> Range:
        size, growth = self.session.part_size, self.session.part_growth
        offset = offset_of_part(number, size, growth)
        length = min(size_of_part(number, size, growth), self.sender.meter.total - offset)
        return Range(offset=offset, length=length)

    async def _send_each(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            await persistently(partial(self._send, number), self.upload.patience.seconds)

    async def _send(self, number: int) -> None:
        await self.sender.put(await self._url(number), self._piece(number), {})

    async def _url(self, number: int) -> str:
        """Each told URL is used once: after a failure a fresh one is asked for."""
        async with self.asking:
            if number not in self.urls:
                opened = await self.upload.objects.open_upload(
                    self.upload.id, first_part=number, part_count=BATCH
                )
                self.urls.update((p.number, p.url.get_secret_value()) for p in opened.parts)
            try:
                return self.urls.pop(number)
            except KeyError:
                raise InvalidInput("no URL was told for a part", resource=self.upload.id) from None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise InvalidInput(
            f"the file cannot be read: {error.strerror}", resource=str(path), code="argument"
        ) from error
    try:
        yield file
    finally:
        os.close(file)


def _md5(file: int, piece: Range) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for at in range(piece.offset, piece.end, CHUNK):
        digest.update(os.pread(file, min(CHUNK, piece.end - at), at))
    return digest.hexdigest()
