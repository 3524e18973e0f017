"""One ranged answer that is read part by part, straight into the reader's buffers."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from stowage_contracts.errors import SourceRefused, Unavailable

WORTH = 1 << 20
"""Bytes of an answer from which on it is taken off its client's hands."""


class Straight(asyncio.BufferedProtocol):
    """Takes a connection over in the middle of an answer: no byte is copied on its way.

    It reads only while there is a buffer. Its client loses track of the answer, and is told of
    its end.
    """

    def __init__(self, connection: aiohttp.connector.Connection) -> None:
        assert connection.transport is not None
        assert connection.protocol is not None
        self._transport, self._client = connection.transport, connection.protocol
        self._view = memoryview(b"")
        self._came: asyncio.Future[None] | None = None
        self._lost = False
        self._transport.pause_reading()
        self._transport.set_protocol(self)

    async def read(self, view: memoryview) -> int:
        """What comes next, as much as there is; 0 once the connection is lost."""
        if self._lost:
            return 0
        self._view = view
        self._came = asyncio.get_running_loop().create_future()
        self._transport.resume_reading()
        try:
            await self._came
        finally:
            self._pause()
        return len(view) - len(self._view)

    def give_back(self, answer: aiohttp.ClientResponse) -> None:
        """All of ``answer`` was read: its client may send the next request."""
        if self._lost or self._transport.is_closing():
            answer.close()
            return
        self._transport.set_protocol(self._client)
        self._transport.resume_reading()
        answer.content.feed_eof()  # releases the connection, as the last byte would have

    def get_buffer(self, sizehint: int) -> memoryview:
        """What is left of the reader's."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Wake the reader; go on meanwhile."""
        self._view = self._view[nbytes:]
        if not self._view:
            self._pause()
        self._wake()

    def eof_received(self) -> None:
        """It ended."""
        self._lost = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its client must hear of it as well."""
        self._lost = True
        self._wake()
        self._client.connection_lost(exc)

    def _pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)


class Stretch:
    """An answer whose range was checked; between two reads the server waits."""

    def __init__(self, answer: aiohttp.ClientResponse, length: int) -> None:
        self.answer, self._left = answer, length
        self._straight: Straight | None = None
        self._first = b""
        if length >= WORTH and answer.content_length == length and answer.connection is not None:
            self._first = answer.content.read_nowait()
            self._straight = Straight(answer.connection)

    @property
    def over(self) -> bool:
        """Whether all of it was read."""
        return not self._left

    async def fill(self, buffer: memoryview) -> AsyncIterator[int]:
        """The next bytes, and how many came each time. Raises SourceRefused, Unavailable."""
        at = 0
        while at < len(buffer):
            count = await self._some(buffer[at:])
            if not count:
                raise Unavailable("the answer ended early", code="dropped")
            at += count
            self._left -= count
            yield count
        if self.over and self._straight is None and await self.answer.content.read(1):
            raise too_long()

    def close(self) -> None:
        """Give the connection back where its client may use it again."""
        if not self.over:
            self.answer.close()
        elif self._straight is not None:
            self._straight.give_back(self.answer)
        else:
            self.answer.release()

    async def _some(self, view: memoryview) -> int:
        if self._first or self._straight is None:
            data = self._first[: len(view)] or await self.answer.content.read(len(view))
            self._first = self._first[len(data) :]
            view[: len(data)] = data
            return len(data)
        return await self._straight.read(view)


def too_long() -> SourceRefused:
    """The error of an answer that goes on after what it named."""
    return SourceRefused("it sends more bytes than the range it names", code="range")
