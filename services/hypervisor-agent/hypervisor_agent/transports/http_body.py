"""One answer read from its start to its end, and begun again where it broke off."""

import asyncio

import aiohttp
from stowage_contracts.errors import SourceChanged, SourceRefused

from hypervisor_agent.engine.reins import arrived
from hypervisor_agent.engine.stall import Moved
from hypervisor_agent.transports.http_client import Getter
from hypervisor_agent.transports.http_source import Source

SKIP = 1024 * 1024
HEAD = 64
"""First bytes kept, so that looking at them costs no second request."""


class HttpBody:
    """Bytes in order. Without a validator nothing is begun again but the first bytes."""

    def __init__(self, client: Getter, source: Source, answer: aiohttp.ClientResponse) -> None:
        self._client, self.source = client, source
        self._stream: aiohttp.ClientResponse | None = answer
        self._head = b""
        self._at = 0
        self._ended_at = -1
        self.received = 0

    async def fill(self, offset: int, buffer: memoryview, moved: Moved) -> int:
        """Bytes from ``offset``; fewer than ``buffer`` holds only at the end. Raises
        SourceChanged, SourceRefused, and what the connection raises."""
        again = self._again(offset, buffer)
        if self._stream is None or self._at != offset + again:
            await self._restart(offset, moved)
            again = 0
        try:
            return again + await self._take(buffer[again:], moved)
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError):
            self.drop()
            self.note_end()
            raise

    def note_end(self) -> None:
        """It ended too early; raises SourceRefused when it did so at this very byte before."""
        if self._at == self._ended_at:
            of = "" if self.source.size is None else f" of {self.source.size}"
            raise SourceRefused(f"it ends at byte {self._at}{of}", code="length")
        self._ended_at = self._at

    def drop(self) -> None:
        """Close the connection; the next read begins again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _again(self, offset: int, buffer: memoryview) -> int:
        if offset or self._at > len(self._head) or self._at > len(buffer):
            return 0
        buffer[: self._at] = self._head[: self._at]
        return self._at

    async def _take(self, buffer: memoryview, moved: Moved) -> int:
        assert self._stream is not None
        at = 0
        while at < len(buffer):
            chunk = await self._stream.content.read(min(SKIP, len(buffer) - at))
            if not chunk:
                break
            buffer[at : at + len(chunk)] = chunk
            if self._at == len(self._head) < HEAD:
                self._head += chunk[: HEAD - len(self._head)]
            at += len(chunk)
            self._at += len(chunk)
            self.received += len(chunk)
            await arrived(len(chunk), moved)
        return at

    async def _restart(self, offset: int, moved: Moved) -> None:
        """Read from the start again and leave out what was read before."""
        self.drop()
        if offset and not self.source.validator:
            raise SourceChanged(
                "it broke off, has no ranges and no validator: nothing shows it is still the same"
            )
        answer = await self._client.get(self.source.pin)
        self._stream, self._at, self._head = answer, 0, b""
        self.source.check_same(answer)
        if answer.content_length != self.source.size:
            raise SourceChanged("its length has changed")
        scratch = memoryview(bytearray(SKIP))
        while self._at < offset:
            if not await self._take(scratch[: min(SKIP, offset - self._at)], moved):
                raise SourceChanged("it has become shorter")
