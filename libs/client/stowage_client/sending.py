"""One PUT of a piece of a file under a stall limit, and what is tried again."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from stowage_contracts.errors import GrantRefused, InvalidInput, SourceRefused, Stalled, Unavailable
from stowage_contracts.values import Range

from stowage_client.meter import Meter
from stowage_client.session import Pauses

T = TypeVar("T")
CHUNK = 1 << 18


@dataclass(frozen=True)
class Patience:
    """How long silence and failure are borne."""

    stall_seconds: float = 30.0
    """No byte for so long breaks a connection; there is no limit on the whole."""
    seconds: float = 300.0
    """How long one piece is tried again after it first failed."""


@dataclass(frozen=True)
class Sender:
    """Sends pieces of an open file."""

    http: aiohttp.ClientSession
    file: int
    meter: Meter
    patience: Patience = field(default_factory=Patience)

    async def put(self, url: str, piece: Range, headers: dict[str, str]) -> None:
        """PUT it once; raises Stalled, Unavailable, GrantRefused, InvalidInput, SourceRefused."""
        sent = 0
        loop, silence = asyncio.get_running_loop(), self.patience.stall_seconds

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            async for chunk in self._chunks(piece):
                yield chunk
                sent += len(chunk)
                self.meter.moved(len(chunk))
                limit.reschedule(loop.time() + silence)

        headers = {**headers, "Content-Length": str(piece.length)}
        try:
            async with (
                faults_of(),
                asyncio.timeout(silence) as limit,
                self.http.put(url, data=body(), headers=headers, allow_redirects=False) as reply,
            ):
                judge(reply)
        except BaseException:
            self.meter.moved(-sent)
            raise

    async def _chunks(self, piece: Range) -> AsyncIterator[bytes]:
        at = piece.offset
        while at < piece.end:
            chunk = await asyncio.to_thread(os.pread, self.file, min(CHUNK, piece.end - at), at)
            if not chunk:
                raise SourceRefused("the file became shorter while it was sent", code="shorter")
            yield chunk
            at += len(chunk)


@asynccontextmanager
async def outside() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections to stores: without the gateway's key, without a limit on the whole."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as http:
        yield http


@asynccontextmanager
async def faults_of() -> AsyncIterator[None]:
    """What happens on the way to a store, as our errors; no URL is in them."""
    try:
        yield
    except TimeoutError as error:
        raise Stalled("no byte moved for too long", code="store") from error
    except aiohttp.ClientError as error:
        name = type(error).__name__
        raise Unavailable(f"the store does not answer ({name})", code="store") from None


def judge(reply: aiohttp.ClientResponse) -> None:
    """Raise what a store's refusal means; its body may name the URL and is not repeated."""
    if reply.status < 400:
        return
    where, cause = str(reply.url.origin()), f"the store answered {reply.status}"
    if reply.status in (401, 403, 404, 410):
        raise GrantRefused(cause, resource=where)
    if reply.status >= 500 or reply.status in (408, 409, 425, 429):
        raise Unavailable(cause, resource=where, code="store")
    raise InvalidInput(cause, resource=where, code="store")


async def persistently(work: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Do it until it succeeds, for so many seconds after it first failed where that may help."""
    pauses: Pauses | None = None
    while True:
        try:
            return await work()
        except (Stalled, Unavailable, GrantRefused) as error:
            pauses = pauses or Pauses(seconds)
            if not await pauses.rest():
                error.hint = error.hint or "the same command goes on where this one ended"
                raise
