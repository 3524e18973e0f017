"""Hears every CopyCompleted, and tells whoever waits for that copy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tests.e2e.deployment import PACKAGES, Backing

ENDINGS = ("CopyCompleted", "CopyFailed")
COPY_SECONDS = 120.0
DRAIN_SECONDS = 300.0
POLL_SECONDS = 0.05


@dataclass
class Tap:
    """Copies waited for by id."""

    channel: AbstractChannel
    prefix: str
    waiting: dict[str, asyncio.Future[str]] = field(default_factory=dict)

    def expect(self, copy_id: str) -> asyncio.Future[str]:
        """Done with the name of the event that ends this copy."""
        self.waiting[copy_id] = asyncio.get_running_loop().create_future()
        return self.waiting[copy_id]

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Take one ending."""
        body = json.loads(message.body)
        waiter = self.waiting.pop(body["data"]["state"]["id"], None)
        if waiter is not None and not waiter.done():
            waiter.set_result(body["type"])

    async def drained(self) -> None:
        """Return once no service's queue holds a message; raises TimeoutError."""
        async with asyncio.timeout(DRAIN_SECONDS):
            for service in PACKAGES:
                while await self._depth(service):  # noqa: ASYNC110 - a broker has no event for it
                    await asyncio.sleep(POLL_SECONDS)

    async def _depth(self, service: str) -> int:
        queue = await self.channel.declare_queue(f"{self.prefix}.{service}", passive=True)
        return queue.declaration_result.message_count or 0


@asynccontextmanager
async def tapped(backing: Backing) -> AsyncIterator[Tap]:
    """A tap on the endings of copies."""
    connection = await aio_pika.connect(backing.amqp_url)
    async with connection, connection.channel() as channel:
        tap = Tap(channel, backing.prefix)
        queue = await channel.declare_queue(exclusive=True)
        for ending in ENDINGS:
            await queue.bind(f"{backing.prefix}.events", f"data-motion.{ending}")
        await queue.consume(tap.hear, no_ack=True)
        yield tap
