"""An HTTP server whose image misbehaves exactly as a test asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

CHUNK = 64 * 1024


@dataclass
class Source:
    """The image and its faults; all may be changed while it is served."""

    data: bytes
    etag: str = '"one"'
    ranged: bool = True
    drops: list[int] = field(default_factory=list)
    """Bytes at which an answer breaks off, once each."""
    always_drops: int | None = None
    stalls_at: int | None = None
    """Where an answer stops with its socket open, until this is None again."""
    claimed: int | None = None
    """Content-Length it tells instead of the real one."""
    chunked: bool = False
    status: int | None = None
    forbidden: int = 0
    """So many requests are answered 403."""
    url: str = ""
    requests: list[str] = field(default_factory=list)
    """Range header of each request."""
    sent: int = 0

    async def reached(self, sent: int) -> None:
        """Returns once so many bytes went out."""
        async with asyncio.timeout(20):
            while self.sent < sent:
                await asyncio.sleep(0.01)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One GET."""
        wanted = request.headers.get("Range", "")
        self.requests.append(wanted)
        if self.forbidden:
            self.forbidden -= 1
            return web.Response(status=403)
        if self.status:
            return web.Response(status=self.status)
        if request.headers.get("If-Match", self.etag) != self.etag:
            return web.Response(status=412)
        start, end, answer = self._answer(wanted)
        await answer.prepare(request)
        for at in range(start, end, CHUNK):
            stop = min(at + CHUNK, end)
            if self._breaks(at, stop):
                await answer.write(self.data[at : (at + stop) // 2])
                assert request.transport is not None
                request.transport.close()
                return answer
            while self.stalls_at is not None and at <= self.stalls_at < stop:
                await asyncio.sleep(0.02)
            await answer.write(self.data[at:stop])
            self.sent += stop - at
        if self.claimed is not None and answer.status == 200:
            assert request.transport is not None
            request.transport.close()
        return answer

    def _answer(self, wanted: str) -> tuple[int, int, web.StreamResponse]:
        size = len(self.data)
        headers = {"ETag": self.etag} if self.etag else {}
        if not (self.ranged and wanted):
            answer = web.StreamResponse(headers=headers)
            if self.chunked:
                answer.enable_chunked_encoding()
            else:
                answer.content_length = self.claimed if self.claimed is not None else size
            return 0, size, answer
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size - 1) + 1, size)
        if start >= size:
            return (
                0,
                0,
                web.StreamResponse(
                    status=416, headers={"Content-Range": f"bytes */{size}", "Content-Length": "0"}
                ),
            )
        told = self.claimed if self.claimed is not None else size
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{told}"
        answer = web.StreamResponse(status=206, headers=headers)
        answer.content_length = end - start
        return start, end, answer

    def _breaks(self, start: int, end: int) -> bool:
        if self.always_drops is not None and start <= self.always_drops < end:
            return True
        for drop in self.drops:
            if start <= drop < end:
                self.drops.remove(drop)
                return True
        return False


@asynccontextmanager
async def serving(source: Source) -> AsyncIterator[Source]:
    """Serve it on loopback; ``source.url`` is set inside."""
    app = web.Application()
    app.router.add_get("/image", source.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    source.url = f"http://127.0.0.1:{runner.addresses[0][1]}/image"
    try:
        yield source
    finally:
        await runner.cleanup()
