"""A source that writes any bytes it likes, HTTP or not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_RANGE = re.compile(rb"bytes=(\d+)-(\d+)")


@dataclass
class RawSource:
    """Answers with a true range of ``data``, unless told otherwise."""

    data: bytes
    headers: bytes = b""
    content_range: bytes = b""
    """Told instead of the true one."""
    extra: bytes = b""
    """Sent in the same body, after every answer longer than the first byte."""
    endless: bool = False
    """Every body goes on in chunks until the client hangs up."""
    unframed: bool = False
    """All of it, with no word on how long it is: the connection's end is its end."""
    url: str = ""
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                for piece in self._answer(request):
                    writer.write(piece)
                    self.sent += len(piece)
                    await writer.drain()
                if self.unframed:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: bytes) -> Iterator[bytes]:
        if self.unframed:
            yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + self.data
            return
        match = _RANGE.search(request)
        assert match is not None
        start, end = int(match[1]), int(match[2]) + 1
        told = self.content_range or b"%d-%d/%d" % (start, end - 1, len(self.data))
        body = self.data[start:end] + (self.extra if end > 1 else b"")
        yield b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + told + b"\r\n"
        if not self.endless:
            yield self.headers + b"Content-Length: %d\r\n\r\n" % len(body) + body
            return
        yield self.headers + b"Transfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + bytes(0x10000) + b"\r\n"


@asynccontextmanager
async def serving_raw(source: RawSource) -> AsyncIterator[RawSource]:
    """Serve it on loopback; ``source.url`` is set inside."""
    server = await asyncio.start_server(source.serve, "127.0.0.1", 0)
    source.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/image"
    try:
        yield source
    finally:
        server.close()
