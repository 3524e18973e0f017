"""The door's third path: other agents read what has arrived of a hop's bytes."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from aiohttp import web
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, InvalidInput, NotFound, StowageError, Unavailable
from stowage_contracts.messages.hypervisor_agent import PeerTicket
from stowage_contracts.values import Range
from stowage_runtime.signing import Verifier

from hypervisor_agent import metrics
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.feeding.client import ARRIVED
from hypervisor_agent.feeding.feeds import Feed, Feeds
from hypervisor_agent.links.spans import NotSatisfiable, asked_range

MOST_BYTES = 16 << 20
"""Longest range of one answer."""
PIECE = 512 * 1024
WAIT_SECONDS = 5.0
"""A range that has not arrived is waited for so long; then the peer asks again."""
TURN_SECONDS = 0.1
STALL_SECONDS = 15.0
READERS = 4
log = structlog.get_logger(__name__)
Believed = tuple[Verifier, str]
"""Whose signature counts, and the host its tickets must name."""
Running = Callable[[], tuple[str, ...]]


class PeerDoor:
    """Answers readers of this host's hops, few at a time, in threads and memory of their own."""

    def __init__(self, believed: Believed, feeds: Feeds, running: Running, most: int) -> None:
        """``running`` names the hops under way; ``most`` are served at a time."""
        self._believed, self._feeds, self._running = believed, feeds, running
        self._threads = Threads(READERS, "feed")
        self._free = most

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """206; 425 while the range has not arrived. Raises GrantRefused, NotFound, Unavailable,
        NotSatisfiable, InvalidInput."""
        claims = self._believe(request)
        if not self._free:
            raise Unavailable("as many peers as it bears are fed", code="busy")
        self._free -= 1
        try:
            feed = await self._feed(claims)
            if feed is None:
                return _not_yet(0)
            span = _span(request, feed.size)
            if not await feed.has(span, WAIT_SECONDS):
                return _not_yet(feed.arrived) if not feed.closed else _gone()
            return await self._answer(request, feed, span)
        finally:
            self._free += 1

    def close(self) -> None:
        """Read no more."""
        self._threads.close()

    def _believe(self, request: web.Request) -> PeerTicket:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer":
            raise GrantRefused("a peer shows its ticket", code="ticket")
        verifier, host_id = self._believed
        claims = verifier.verify(SecretStr(token), PeerTicket, datetime.now(UTC))
        asked = (host_id, request.match_info["hop_id"])
        if (claims.host_id, claims.hop_id) != asked:
            raise GrantRefused("the ticket is for another hop or host", code="forged")
        return claims

    async def _feed(self, claims: PeerTicket) -> Feed | None:
        """None when the hop has not begun to write within the wait."""
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        while (feed := self._feeds.find(claims.hop_id)) is None:
            if claims.hop_id not in self._running():
                raise NotFound("no such hop is fed from here", code="hop")
            if asyncio.get_running_loop().time() >= until:
                return None
            await asyncio.sleep(TURN_SECONDS)
        if feed.digest != claims.digest:
            raise GrantRefused("the ticket is for other bytes", code="forged")
        return feed

    async def _answer(self, request: web.Request, feed: Feed, span: Range) -> web.StreamResponse:
        response = web.StreamResponse(status=206)
        response.content_type = "application/octet-stream"
        response.content_length = span.length
        told = f"bytes {span.offset}-{span.end - 1}/{feed.size}"
        response.headers["Content-Range"] = told
        # Read before the first header: a part that is gone is an error, not a broken answer.
        first = await self._read(feed, span, span.offset)
        await response.prepare(request)
        try:
            await self._send(response, first, feed, span)
        except (StowageError, ConnectionError) as error:
            log.info("peer.broken_off", error=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _send(
        self, response: web.StreamResponse, piece: bytes, feed: Feed, span: Range
    ) -> None:
        at = span.offset
        async with stall_limit(STALL_SECONDS, "peer") as moved:
            while piece:
                await response.write(piece)
                moved()
                at += len(piece)
                metrics.SERVED.add(len(piece))
                piece = await self._read(feed, span, at)
        await response.write_eof()

    async def _read(self, feed: Feed, span: Range, at: int) -> bytes:
        length = min(PIECE, span.end - at)
        if not length:
            return b""
        try:
            return await self._threads.run(feed.read, at, length)
        except OSError as error:
            raise Unavailable(f"the part can't be read ({error.strerror})", code="part") from None


def _span(request: web.Request, size: int) -> Range:
    span = asked_range(request.headers.get("Range", ""), size)
    if span is None:
        raise InvalidInput("a peer asks for a range", code="range")
    if span.length > MOST_BYTES:
        raise NotSatisfiable(f"at most {MOST_BYTES} bytes at a time", code="range")
    return span


def _gone() -> web.Response:
    """It failed, or ended a while ago."""
    return web.Response(status=404)


def _not_yet(arrived: int) -> web.Response:
    return web.Response(status=425, headers={ARRIVED: str(arrived)})
