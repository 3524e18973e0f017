"""An HTTP source: parallel ranges where the server has them, one stream where it hasn't."""

import aiohttp
from stowage_contracts.errors import Stalled, StowageError
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import Range

from hypervisor_agent.engine.reins import arrived, giving_up
from hypervisor_agent.engine.stall import Moved, stall_limit
from hypervisor_agent.transports.http_body import HttpBody
from hypervisor_agent.transports.http_client import Getter
from hypervisor_agent.transports.http_faults import BROKEN, named
from hypervisor_agent.transports.http_source import Source, described
from hypervisor_agent.transports.http_stream import HttpStream
from hypervisor_agent.transports.http_stretch import Stretch, too_long

LONGEST_STRETCH, SHORTEST_STRETCH = 64 << 20, 16 << 20
SHARES = 16
"""Stretches of a source that is not long."""


class HttpReader:
    """Reads pinned to the validator seen first."""

    def __init__(self, client: Getter, source: Source, shape: ReadShape, shown: str) -> None:
        self._client, self._source, self._shape, self._shown = client, source, shape, shown
        assert source.size is not None
        self.size, self.validator, self.ranged = source.size, source.validator, source.ranged
        self.received = 0
        self._body: HttpBody | None = None
        self._ends: dict[int, int] = {}
        self._parked: dict[int, Stretch] = {}

    @classmethod
    async def open(cls, client: Getter, shape: ReadShape, shown: str) -> "HttpReader | HttpStream":
        """Ask for the first byte; a stream where the answer has no length.

        Raises SourceRefused, Unavailable, GrantRefused, Stalled.
        """
        try:
            async with stall_limit(shape.stall_seconds, shown):
                answer = await client.get({"Range": "bytes=0-0"})
                return await cls._begin(client, answer, shape, shown)
        except BaseException as error:
            await client.close()
            raise named(error, shown) from None

    @property
    def stretch(self) -> int:
        """Long enough that a request costs little, short enough that all connections are used."""
        if not self.ranged:
            return 0
        shares = -(-self.size // SHARES)
        return min(LONGEST_STRETCH, -(-shares // SHORTEST_STRETCH) * SHORTEST_STRETCH)

    def ahead(self, extent: Range) -> None:
        """The next request from its offset asks for all of it."""
        self._ends[extent.offset] = extent.end

    async def next_data(self, offset: int) -> int:
        """HTTP tells nothing of holes."""
        return offset

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; a broken answer is Unavailable and may be asked for again."""
        async with giving_up():
            await self._read_into(offset, buffer)

    async def _read_into(self, offset: int, buffer: memoryview) -> None:
        try:
            async with stall_limit(self._shape.stall_seconds, self._shown) as moved:
                if self.ranged:
                    await self._read_range(offset, buffer, moved)
                else:
                    await self._read_stream(offset, buffer, moved)
        except (StowageError, *BROKEN, ValueError) as error:
            if isinstance(error, Stalled):
                self._drop()
            raise named(error, self._shown) from None

    async def close(self) -> None:
        """Close the stream and every connection."""
        self._drop()
        for stretch in self._parked.values():
            stretch.close()
        self._parked.clear()
        await self._client.close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.drop()

    @classmethod
    async def _begin(
        cls, client: Getter, answer: aiohttp.ClientResponse, shape: ReadShape, shown: str
    ) -> "HttpReader | HttpStream":
        try:
            source = described(answer)
            if source.size is None:
                return HttpStream(client, HttpBody(client, source, answer), shape, shown)
            reader = cls(client, source, shape, shown)
            if reader.ranged:
                await _end_probe(answer)
            else:
                reader._body = HttpBody(client, source, answer)
        except BaseException:
            answer.close()
            raise
        return reader

    async def _read_range(self, offset: int, buffer: memoryview, moved: Moved) -> None:
        end = self._ends.pop(offset, offset + len(buffer))
        stretch = self._parked.pop(offset, None) or await self._ask(offset, end)
        try:
            async for count in stretch.fill(buffer):
                self.received += count
                await arrived(count, moved)
        except BaseException:
            stretch.answer.close()
            raise
        if stretch.over:
            stretch.close()
        else:
            self._parked[offset + len(buffer)] = stretch

    async def _ask(self, offset: int, end: int) -> Stretch:
        answer = await self._client.get({"Range": f"bytes={offset}-{end - 1}", **self._source.pin})
        try:
            self._source.check_range(answer, offset, end - offset)
        except BaseException:
            answer.close()
            raise
        return Stretch(answer, end - offset)

    async def _read_stream(self, offset: int, buffer: memoryview, moved: Moved) -> None:
        assert self._body is not None
        before = self._body.received
        try:
            count = await self._body.fill(offset, buffer, moved)
        finally:
            self.received += self._body.received - before
        if count < len(buffer):
            self._body.drop()
            self._body.note_end()
            raise aiohttp.ClientPayloadError("the answer ended early")


async def _end_probe(answer: aiohttp.ClientResponse) -> None:
    """Read the one byte asked for, never a body without end; a 416 may say anything at length."""
    if answer.status == 206:
        first = await answer.content.read(2)
        if len(first) > 1 or (first and await answer.content.read(1)):
            raise too_long()
    answer.release()  # closes the connection unless the body has ended
