"""One object out through the door: whole or one range, at the receiver's pace."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import structlog
from aiohttp import web
from stowage_contracts.errors import StowageError
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins import RangedReader, Transport
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import Range
from stowage_runtime.http.problems import problem_reply

from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.opening import Transports, transport_of, with_length
from hypervisor_agent.engine.reading import patiently
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.links.opening import Link, Links
from hypervisor_agent.links.peers import PeerDoor
from hypervisor_agent.links.spans import NotSatisfiable, asked_range

PIECE = 512 * 1024
SLICE = 128 * 1024
"""Bytes a receiver must take within the stall limit."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Serving:
    """What downloads and uploads work with, and who answers other agents."""

    links: Links
    transports: Transports
    buffers: Buffers
    stall_seconds: float
    peers: PeerDoor


async def serve(request: web.Request, link: Link, serving: Serving) -> web.StreamResponse:
    """Answer GET or HEAD. Raises GrantRefused, NotFound, Unavailable before the first byte; after
    it the connection is broken off."""
    response = web.StreamResponse()
    try:
        async with serving.links.used(link) as redeemed:
            reader = await _open(redeemed, link, serving)
            try:
                return await _answer(request, response, _Offer(link, redeemed, reader), serving)
            finally:
                await reader.close()
    except (StowageError, ConnectionError) as error:
        if not response.prepared:
            raise
        code = error.code if isinstance(error, StowageError) else "left"
        log.info("link.broken_off", grant=link.claims.grant_id, code=code)
        if request.transport is not None:
            request.transport.abort()
        return response


@dataclass(frozen=True)
class _Offer:
    link: Link
    redeemed: GrantRedeemed
    reader: RangedReader

    @property
    def etag(self) -> str:
        """Strong: of the stored digest, else what the store says; quoted, or empty."""
        told = (self.redeemed.digest or self.reader.validator).strip('"')
        return f'"{told}"' if told else ""

    def headers(self) -> dict[str, str]:
        """Of every answer about the object."""
        name = self.link.claims.file_name or "image"
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
        disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "Content-Disposition": disposition,
            "Content-Security-Policy": "sandbox",
        }
        return {**headers, "ETag": self.etag} if self.etag else headers


async def _open(redeemed: GrantRedeemed, link: Link, serving: Serving) -> RangedReader:
    transport: Transport = transport_of(redeemed.grant, serving.transports)
    shape = ReadShape(stall_seconds=serving.stall_seconds)
    opened = await transport.open_reader(redeemed.grant, shape)
    return with_length(opened, str(link.claims.object.object))


async def _answer(
    request: web.Request, response: web.StreamResponse, offer: _Offer, serving: Serving
) -> web.StreamResponse:
    etag, size = offer.etag, offer.reader.size
    if etag and etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers={"ETag": etag})
    if etag and etag not in request.headers.get("If-Match", etag):
        return web.Response(status=412)
    try:
        wanted = _wanted(request, etag, size)
    except NotSatisfiable as no:
        refusal = problem_reply(no.problem)
        refusal.headers["Content-Range"] = f"bytes */{size}"
        return refusal
    start, end = (wanted.offset, wanted.end) if wanted else (0, size)
    response.headers.update(offer.headers())
    response.content_length = end - start
    if wanted:
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    await response.prepare(request)
    if request.method == "GET":
        await _send(response, offer, (start, end), serving)
    await response.write_eof()
    return response


def _wanted(request: web.Request, etag: str, size: int) -> Range | None:
    if request.headers.get("If-Range", etag) != etag:
        return None
    return asked_range(request.headers.get("Range", ""), size)


async def _send(
    response: web.StreamResponse, offer: _Offer, span: tuple[int, int], serving: Serving
) -> None:
    start, end = span
    name = f"link {offer.link.claims.grant_id}"
    async with serving.buffers.lend(PIECE) as buffer:
        for at in range(start, end, PIECE):
            view = buffer[: min(PIECE, end - at)]
            await patiently(partial(offer.reader.read_into, at, view))
            async with stall_limit(serving.stall_seconds, name) as moved:
                for slice_at in range(0, len(view), SLICE):
                    await response.write(bytes(view[slice_at : slice_at + SLICE]))
                    moved()
