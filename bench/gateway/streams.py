"""Many who follow events: how late each hears of one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.e2e.deployment import API_KEY

CONNECT_AT_ONCE = 50


@dataclass
class Audience:
    """Everybody's streams; ``heard`` are the moments at which they heard of each subject."""

    heard: dict[str, list[float]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, subject: str) -> None:
        """One of them heard of it."""
        self.heard.setdefault(subject, []).append(time.monotonic())
        self._changed.set()

    async def all_heard(self, subject: str, listeners: int, seconds: float) -> list[float]:
        """When each heard of it; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.heard.get(subject, ())) < listeners:
                self._changed.clear()
                await self._changed.wait()
        return self.heard[subject]


@asynccontextmanager
async def audience(url: str, listeners: int) -> AsyncIterator[Audience]:
    """So many streams, open."""
    found, gate = Audience(), asyncio.Semaphore(CONNECT_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers=headers, connector=connector, read_bufsize=1 << 12)
        )
        opened = [asyncio.Event() for _ in range(listeners)]
        tasks = [
            asyncio.create_task(_follow(session, f"{url}/v1/events?noun=pod", found, gate, event))
            for event in opened
        ]
        stack.callback(lambda: [task.cancel() for task in tasks])
        async with asyncio.timeout(120):
            for event in opened:
                await event.wait()
        yield found


async def _follow(
    session: aiohttp.ClientSession,
    url: str,
    found: Audience,
    gate: asyncio.Semaphore,
    opened: asyncio.Event,
) -> None:
    async with gate:
        reply = await session.get(url, timeout=aiohttp.ClientTimeout(total=None))
        await reply.content.readline()
        opened.set()
    async with reply:
        async for line in reply.content:
            if line.startswith(b"data: "):
                found.note(json.loads(line[6:])["id"])
