"""The two sides of HTTP a demo needs: an image served, the API called."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web


@asynccontextmanager
async def served(image: Path) -> AsyncIterator[str]:
    """The image's URL on loopback, with ranges."""

    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(image)

    app = web.Application()
    app.router.add_get("/image", send)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/image"
    finally:
        await runner.cleanup()


class RefusedError(Exception):
    """The API's own words: code, cause, hint."""


class Api:
    """The gateway's REST API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    @classmethod
    @asynccontextmanager
    async def of(cls, url: str, api_key: str) -> AsyncIterator[Api]:
        """A session with that key."""
        headers = {"Authorization": f"Bearer {api_key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield cls(session, url)

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request; raises RefusedError."""
        async with self._session.request(method, f"{self._url}/v1/{path}", json=body) as response:
            answer = await response.json()
            if response.status >= 400:
                raise RefusedError(f"{answer['code']}: {answer['cause']} ({answer['hint']})")
            return answer

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Everything that happens from now on."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with self._session.get(f"{self._url}/v1/events", timeout=timeout) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
