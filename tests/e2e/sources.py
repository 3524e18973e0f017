"""A real HTTP server of images, whose faults a test chooses."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

MIB = 1 << 20


def image(size: int, seed: int = 1) -> bytes:
    """Half data, half zeros, as disks are; the same for the same seed. No partition table."""
    chance = random.Random(seed)
    block = 256 * 1024
    parts = [
        chance.randbytes(min(block, size - at))
        if chance.random() < 0.5
        else bytes(min(block, size - at))
        for at in range(0, size, block)
    ]
    return b"".join(parts)


@dataclass
class Source:
    """Serves one image with ranges; counts what it sent."""

    content: bytes
    bytes_per_second: float = 0
    sent: int = 0
    url: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: requests wait before their first byte."""

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def sha256(self) -> str:
        """Declared checksum of the image."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET or HEAD of the image, whole or a range."""
        start, stop = _range(request, len(self.content))
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": '"one"',
            "Content-Length": str(stop - start),
            "Content-Range": f"bytes {start}-{stop - 1}/{len(self.content)}",
        }
        response = web.StreamResponse(status=206 if "Range" in request.headers else 200)
        response.headers.update(headers)
        await self.gate.wait()
        await response.prepare(request)
        if request.method == "GET":
            await self._send(response, start, stop)
        await response.write_eof()
        return response

    async def _send(self, response: web.StreamResponse, start: int, stop: int) -> None:
        for at in range(start, stop, 64 * 1024):
            chunk = self.content[at : min(at + 64 * 1024, stop)]
            await self.gate.wait()
            await response.write(chunk)
            self.sent += len(chunk)
            if self.bytes_per_second:
                await asyncio.sleep(len(chunk) / self.bytes_per_second)


def _range(request: web.Request, size: int) -> tuple[int, int]:
    text = request.headers.get("Range", "")
    if not text:
        return 0, size
    first, _, last = text.removeprefix("bytes=").partition("-")
    return int(first), min(int(last) + 1 if last else size, size)


@asynccontextmanager
async def serving(source: Source, host: str = "127.0.0.1") -> AsyncIterator[Source]:
    """The source, reachable at its ``url`` on an address of this machine."""
    app = web.Application()
    app.router.add_route("*", "/image{extension:.*}", source.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    source.url = f"http://{host}:{runner.addresses[0][1]}/image"
    try:
        yield source
    finally:
        source.gate.set()
        await runner.cleanup()
