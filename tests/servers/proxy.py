"""A TCP proxy whose connections a test can cut, stall and delay."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Proxy:
    """Listens on a port of ``listen`` and relays to a target, until told otherwise.

    Use as `async with Proxy("127.0.0.1", 5672) as proxy:` and connect to `proxy.port`.
    """

    def __init__(self, host: str, port: int, listen: str = "127.0.0.1") -> None:
        self._target, self._listen = (host, port), listen
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.delay = 0.0  # seconds each chunk is held back
        self.answered = 0  # bytes that came back from the target
        self.forged: Callable[[bytes], bytes] = bytes  # what becomes of a chunk on its way back

    async def __aenter__(self) -> Self:
        await self.restore()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.cut()

    async def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def restore(self) -> None:
        """Let bytes flow again, and accept connections on the same port as before."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self._listen, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def stall(self) -> None:
        """Keep every connection open but pass no more bytes, until `restore`."""
        self._flowing.clear()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer))
                pumps.create_task(self._pump(far_reader, writer, back=True))
            writer.close()
            far_writer.close()
        except* OSError:
            pass  # an end that reset its connection: the other one is reset below
        finally:
            _reset(writer)
            _reset(far_writer)

    async def _pump(
        self, reader: StreamReader, writer: StreamWriter, *, back: bool = False
    ) -> None:
        while chunk := await reader.read(65536):
            await self._flowing.wait()
            await asyncio.sleep(self.delay)
            if back:
                self.answered += len(chunk)
                chunk = self.forged(chunk)
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _reset(writer: StreamWriter) -> None:
    """Break a connection as a router does, unless it was closed in order."""
    if not writer.transport.is_closing():
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
