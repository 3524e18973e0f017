"""Bytes in through the door: durable in the part the grant names, resumable, not committed."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from stowage_contracts.errors import Conflict, InvalidInput, Unavailable
from stowage_contracts.grants import PartUrl
from stowage_contracts.plugins import RangedWriter
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import TREE_LEAF, ImageFormat

from hypervisor_agent.engine.opening import transport_of
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.line import Line
from hypervisor_agent.links.download import Serving
from hypervisor_agent.links.forms import opened
from hypervisor_agent.links.opening import Link
from hypervisor_agent.links.spans import Piece, carried

BUSY_SECONDS = 10.0
"""How long a request waits for the one before it: a broken connection is noticed late."""
REMEMBERED = 1024


class Uploads:
    """One request at a time for each upload."""

    def __init__(self, serving: Serving, line: Line) -> None:
        self._serving, self._line = serving, line
        self._totals: OrderedDict[str, int] = OrderedDict()
        self._busy: set[str] = set()
        self._free = asyncio.Condition()

    async def tell(self, link: Link) -> web.Response:
        """HEAD: which bytes have arrived."""
        total = link.claims.size or self._totals.get(link.claims.grant_id)
        if total is None:
            await link.redeem(self._line)
            return web.Response(headers=_told(0, None))
        async with self._turn(link), self._writer(link, total) as writer:
            return web.Response(headers=_told(await _arrived(writer, total), total))

    async def take(self, request: web.Request, link: Link) -> web.Response:
        """PUT: 308 with what has arrived, 200 once that is all of it, 409 where it does not follow
        what has arrived. Raises StowageError."""
        given = request.headers.get("Content-Range", "")
        piece = carried(given, request.content_length, link.claims.size)
        async with self._turn(link), self._writer(link, piece.total) as writer:
            self._remember(link, piece.total)
            arrived = await _arrived(writer, piece.total)
            if piece.offset > arrived or piece.offset % writer.part_size:
                return web.Response(status=409, headers=_told(arrived, piece.total))
            if piece.length:
                arrived = max(arrived, await self._receive(request, piece, writer))
            if arrived == piece.total:
                await writer.finish()
        status = 200 if arrived == piece.total else 308
        return web.Response(status=status, headers=_told(arrived, piece.total))

    async def take_form(self, request: web.Request, link: Link) -> web.Response:
        """POST of a form with one file: all of it or nothing; its owner is told, and commits it.
        Raises StowageError."""
        form = await opened(request)
        if link.claims.size not in (None, form.size):
            raise InvalidInput(f"{link.claims.size} bytes were announced", code="size")
        piece = Piece(0, form.size, form.size)
        async with self._turn(link), self._writer(link, form.size) as writer:
            await self._receive(request, piece, writer)
            await form.close(request)
            await writer.finish()
        await link.taken(self._line, form.size)
        return web.Response()

    async def _receive(self, request: web.Request, piece: Piece, writer: RangedWriter) -> int:
        """How far whole parts reach now; a rest is sent again with what follows it."""
        end = piece.offset + piece.length
        async with self._serving.buffers.lend(TREE_LEAF) as buffer:
            for at in range(piece.offset, end, TREE_LEAF):
                view = buffer[: min(TREE_LEAF, end - at)]
                await self._fill(request, view)
                await writer.write(at, view)
        return end if end == piece.total else end // writer.part_size * writer.part_size

    async def _fill(self, request: web.Request, view: memoryview) -> None:
        at = 0
        try:
            async with stall_limit(self._serving.stall_seconds, "upload") as moved:
                while at < len(view):
                    chunk = await request.content.read(len(view) - at)
                    if not chunk:
                        raise InvalidInput("the body ended early", code="short")
                    view[at : at + len(chunk)] = chunk
                    at += len(chunk)
                    moved()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unavailable("the sender went away", code="sender") from error

    @asynccontextmanager
    async def _writer(self, link: Link, total: int) -> AsyncIterator[RangedWriter]:
        """The grant's part; what was written is journaled when it is closed."""

        async def parts(first_part: int, count: int) -> tuple[PartUrl, ...]:
            return await link.part_urls(self._line, first_part, count)

        shape = WriteShape(
            size=total,
            stall_seconds=self._serving.stall_seconds,
            source_validator=f"upload {link.claims.grant_id}",
            sparse=link.claims.object.format is ImageFormat.RAW,
        )
        async with self._serving.links.used(link, total) as redeemed:
            transport = transport_of(redeemed.grant, self._serving.transports)
            writer = await transport.open_writer(redeemed.grant, shape, parts)
            try:
                yield writer
            finally:
                await writer.close()

    @asynccontextmanager
    async def _turn(self, link: Link) -> AsyncIterator[None]:
        name = link.claims.grant_id
        async with self._free:
            try:
                async with asyncio.timeout(BUSY_SECONDS):
                    await self._free.wait_for(lambda: name not in self._busy)
            except TimeoutError:
                raise Conflict("another request sends to this link", code="busy") from None
            self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)
            async with self._free:
                self._free.notify_all()

    def _remember(self, link: Link, total: int) -> None:
        self._totals[link.claims.grant_id] = total
        while len(self._totals) > REMEMBERED:
            self._totals.popitem(last=False)


async def _arrived(writer: RangedWriter, total: int) -> int:
    """How far the durable bytes reach without a gap, in whole parts."""
    runs = await writer.journal()
    end = runs[0].end if runs and runs[0].offset == 0 else 0
    return end if end == total else end // writer.part_size * writer.part_size


def _told(arrived: int, total: int | None) -> dict[str, str]:
    headers = {"Upload-Offset": str(arrived), "Accept-Ranges": "bytes"}
    if arrived:
        headers["Range"] = f"bytes=0-{arrived - 1}"
    return headers if total is None else {**headers, "Upload-Length": str(total)}
