"""A receiver of webhooks: it keeps what it was sent, and misbehaves when told to."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from stowage_runtime.testing.eventually import eventually


@dataclass(frozen=True)
class Got:
    """One request."""

    body: bytes
    headers: dict[str, str]
    status: int

    @property
    def told(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The CloudEvents in it."""
        told = self.told
        return told if isinstance(told, list) else [told]


@dataclass
class Receiver:
    """What arrived, in order; ``judge`` says how each request is answered."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    judge: Callable[[Any], int] = lambda told: 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: asyncio.Event | None = None
    """While it is there and not set, nothing is answered."""
    hanging: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.hang is not None:
            self.hanging += 1
            await self.hang.wait()
        status = self.judge(json.loads(body))
        self.got.append(Got(body, dict(request.headers), status))
        return web.Response(status=status, headers=self.headers)

    @property
    def taken(self) -> list[dict[str, Any]]:
        """Events of the requests it answered well."""
        return [event for got in self.got if got.status < 300 for event in got.events]

    async def has(self, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Once it has taken so many different events: all it took."""

        def enough() -> bool:
            return len({event["id"] for event in self.taken}) >= count

        await eventually(enough, seconds)
        return self.taken

    def check_order(self) -> None:
        """Of each subject the new events came in order; what came again was there before."""
        last: Counter[str] = Counter()
        for event in self.taken:
            number, subject = event.get("sequence", 0), event["subject"]
            assert number <= last[subject] + 1, f"{subject}: {number} after {last[subject]}"
            last[subject] = max(last[subject], number)


@asynccontextmanager
async def receiving(host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """A receiver, listening at a port of its own."""
    found = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://{host}:{port}/hook?token=canary"
    yield found
    if found.hang is not None:
        found.hang.set()
    await runner.cleanup()
