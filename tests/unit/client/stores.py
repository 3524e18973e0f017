"""Places that take and give bytes over HTTP, whose faults a test chooses."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

KIB = 1 << 10


@dataclass
class Parts:
    """Takes parts as an object store does: each is there once it came whole."""

    url: str = ""
    there: dict[int, bytes] = field(default_factory=dict)
    puts: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refuse: Callable[[int], int] = lambda number: 0
    """The status a PUT of that part is refused with; 0 for none."""
    silent: asyncio.Event | None = None
    """Set: PUTs are not read until it is."""

    async def take(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        self.puts.append(number)
        self.headers.append(dict(request.headers))
        status = self.refuse(number)
        if status:
            return web.Response(status=status)
        if self.silent is not None:
            await self.silent.wait()
        self.there[number] = content = await request.read()
        return web.Response(headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})

    @property
    def content(self) -> bytes:
        return b"".join(self.there[number] for number in sorted(self.there))


@dataclass
class Door:
    """Takes ranges as an agent's door does, in whole blocks, and tells how far they reach."""

    block: int = KIB
    url: str = ""
    content: bytearray = field(default_factory=bytearray)
    break_at: int = 0
    """The connection is broken off once when so much has arrived."""
    total: int | None = None

    async def tell(self, _request: web.Request) -> web.Response:
        return web.Response(headers=self._told())

    def _told(self) -> dict[str, str]:
        arrived = len(self.content)
        return {"Range": f"bytes=0-{arrived - 1}"} if arrived else {}

    async def take(self, request: web.Request) -> web.Response:
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["Content-Range"])
        assert span is not None
        start, _end, total = map(int, span.groups())
        if start != len(self.content):
            return web.Response(status=409, headers=self._told())
        async for chunk in request.content.iter_any():
            self.content += chunk
            if self.break_at and len(self.content) >= self.break_at:
                self.break_at = 0
                del self.content[len(self.content) // self.block * self.block :]
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
        return web.Response(status=200 if len(self.content) == total else 308)


@dataclass
class Downloads:
    """Gives one object with ranges."""

    content: bytes
    url: str = ""
    break_at: int = 0
    asked: list[str] = field(default_factory=list)

    async def give(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "bytes=0-")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        body = self.content[start:]
        response = web.StreamResponse(status=206)
        response.content_length = len(body)
        await response.prepare(request)
        if self.break_at:
            await response.write(body[: self.break_at])
            self.break_at = 0
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(body)
        await response.write_eof()
        return response


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    """An HTTP server of these routes; its base URL."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    made = Parts()
    async with serving(web.put("/{number}", made.take)) as made.url:
        yield made


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    made = Door()
    async with serving(web.put("/u", made.take), web.head("/u", made.tell)) as made.url:
        yield made


@asynccontextmanager
async def downloads(content: bytes) -> AsyncIterator[Downloads]:
    made = Downloads(content)
    async with serving(web.get("/o", made.give, allow_head=False)) as made.url:
        yield made
