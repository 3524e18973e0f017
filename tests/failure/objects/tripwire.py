"""A proxy that stops the world between a server's deed and the moment its caller hears of it."""

from __future__ import annotations

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.proxy import Proxy


@dataclass
class Trip:
    """One wire: the request that trips it, and who waits for that."""

    request: re.Pattern[bytes]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """The server has answered; its answer is held back."""
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    """The answer may go on, if anybody is left to hear it."""


class Tripwire(Proxy):
    """Relays HTTP; holds back the answer to a request that trips a wire."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._armed: list[Trip] = []

    @asynccontextmanager
    async def armed(self, request: bytes) -> AsyncIterator[Trip]:
        """Tripped by the next request that begins so."""
        trip = Trip(re.compile(request))
        self._armed.append(trip)
        try:
            yield trip
        finally:
            trip.passing.set()
            if trip in self._armed:
                self._armed.remove(trip)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        held: list[Trip] = []
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._there(reader, far_writer, held))
                pumps.create_task(self._back(far_reader, writer, held))
        except* OSError:
            pass  # an end was killed
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    async def _there(self, reader: StreamReader, writer: StreamWriter, held: list[Trip]) -> None:
        while chunk := await reader.read(65536):
            self._look(chunk, held)
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    def _look(self, chunk: bytes, held: list[Trip]) -> None:
        for trip in self._armed:
            if trip.request.match(chunk):
                self._armed.remove(trip)
                held.append(trip)
                return

    async def _back(self, reader: StreamReader, writer: StreamWriter, held: list[Trip]) -> None:
        while chunk := await reader.read(65536):
            if held:
                trip = held.pop()
                trip.reached.set()
                await trip.passing.wait()
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
