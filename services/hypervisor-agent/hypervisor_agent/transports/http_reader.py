"""An HTTP source: parallel ranges where the server has them, one stream where it hasn't."""

import asyncio

import aiohttp
from stowage_contracts.errors import (
    SourceChanged,
    SourceRefused,
    Stalled,
    StowageError,
    Unavailable,
)
from stowage_contracts.plugins.transport import ReadShape

from hypervisor_agent.engine.stall import Moved, stall_limit
from hypervisor_agent.transports.http_client import Getter, dropped
from hypervisor_agent.transports.http_source import Source, described

SKIP = 1024 * 1024
_BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


class HttpReader:
    """Reads pinned to the validator seen first."""

    def __init__(self, client: Getter, source: Source, shape: ReadShape, shown: str) -> None:
        self._client, self._source, self._shape, self._shown = client, source, shape, shown
        self.size, self.validator, self.ranged = source.size, source.validator, source.ranged
        self.received = 0
        self._stream: aiohttp.ClientResponse | None = None
        self._at = 0
        self._ended_at = -1

    @classmethod
    async def open(cls, client: Getter, shape: ReadShape, shown: str) -> "HttpReader":
        """Ask for the first byte. Raises SourceRefused, Unavailable, GrantRefused, Stalled."""
        try:
            async with stall_limit(shape.stall_seconds, shown):
                answer = await client.get({"Range": "bytes=0-0"})
                return await cls._begin(client, answer, shape, shown)
        except BaseException as error:
            await client.close()
            raise _named(error, shown) from None

    async def next_data(self, offset: int) -> int:
        """HTTP tells nothing of holes."""
        return offset

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; a broken answer is Unavailable and may be asked for again."""
        try:
            async with stall_limit(self._shape.stall_seconds, self._shown) as moved:
                if self.ranged:
                    await self._read_range(offset, buffer, moved)
                else:
                    await self._read_stream(offset, buffer, moved)
        except (StowageError, *_BROKEN, ValueError) as error:
            if isinstance(error, Stalled):
                self._drop_stream()
            raise _named(error, self._shown) from None

    async def close(self) -> None:
        """Close the stream and every connection."""
        self._drop_stream()
        await self._client.close()

    @classmethod
    async def _begin(
        cls, client: Getter, answer: aiohttp.ClientResponse, shape: ReadShape, shown: str
    ) -> "HttpReader":
        try:
            reader = cls(client, described(answer), shape, shown)
            if reader.ranged:
                await _end_probe(answer)
            else:
                reader._stream = answer
        except BaseException:
            answer.close()
            raise
        return reader

    async def _read_range(self, offset: int, buffer: memoryview, moved: Moved) -> None:
        wanted = f"bytes={offset}-{offset + len(buffer) - 1}"
        answer = await self._client.get({"Range": wanted, **self._source.pin})
        try:
            self._source.check_range(answer, offset, len(buffer))
            at = 0
            async for chunk in answer.content.iter_any():
                end = at + len(chunk)
                if end > len(buffer):
                    raise _too_long()
                buffer[at:end] = chunk
                self.received += len(chunk)
                at = end
                moved()
        except BaseException:
            answer.close()
            raise
        answer.release()
        if at != len(buffer):
            raise Unavailable("the answer ended early", code="dropped")

    async def _read_stream(self, offset: int, buffer: memoryview, moved: Moved) -> None:
        if self._stream is None or self._at != offset:
            await self._restart(offset, moved)
        try:
            await self._take(buffer, moved)
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError):
            self._drop_stream()
            self._note_end()
            raise

    async def _take(self, buffer: memoryview, moved: Moved) -> None:
        assert self._stream is not None
        at = 0
        while at < len(buffer):
            chunk = await self._stream.content.read(min(SKIP, len(buffer) - at))
            if not chunk:
                raise aiohttp.ClientPayloadError("the answer ended early")
            buffer[at : at + len(chunk)] = chunk
            at += len(chunk)
            self._at += len(chunk)
            self.received += len(chunk)
            moved()

    async def _restart(self, offset: int, moved: Moved) -> None:
        """Read from the start again and leave out what was read before."""
        self._drop_stream()
        if offset and not self.validator:
            raise SourceChanged(
                "it broke off, has no ranges and no validator: nothing shows it is still the same"
            )
        answer = await self._client.get(self._source.pin)
        self._stream, self._at = answer, 0
        self._source.check_same(answer)
        if answer.content_length != self.size:
            raise SourceChanged("its length has changed")
        scratch = memoryview(bytearray(SKIP))
        while self._at < offset:
            await self._take(scratch[: min(SKIP, offset - self._at)], moved)

    def _note_end(self) -> None:
        if self._at == self._ended_at:
            raise SourceRefused(f"it ends at byte {self._at} of {self.size}", code="length")
        self._ended_at = self._at

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


async def _end_probe(answer: aiohttp.ClientResponse) -> None:
    """Read the one byte asked for, never a body without end; a 416 may say anything at length."""
    if answer.status == 206:
        first = await answer.content.read(2)
        if len(first) > 1 or (first and await answer.content.read(1)):
            raise _too_long()
    answer.release()  # closes the connection unless the body has ended


def _too_long() -> SourceRefused:
    return SourceRefused("it sends more bytes than the range it names", code="range")


def _named(error: BaseException, shown: str) -> BaseException:
    if isinstance(error, StowageError):
        error.resource = error.resource or shown
        return error
    if isinstance(error, _BROKEN):
        return dropped(error, shown)
    if isinstance(error, ValueError):  # from something in the answer that no honest server sends
        kind = type(error).__name__
        return SourceRefused(f"its answer makes no sense ({kind})", resource=shown, code="answer")
    return error
