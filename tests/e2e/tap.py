"""Hears every durable message of a deployment, to strike at an exact moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from tests.e2e.deployment import PACKAGES, Backing

TOPICS = ("events", "reports", "signals")


@dataclass
class Tap:
    """Types seen so far with their subjects, and who waits for one."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    waiting: list[tuple[str, asyncio.Event]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    """Every message as it was sent."""

    def hear(self, kind: str, subject: str) -> None:
        """Note a message and wake whoever waits for its type."""
        self.seen.append((kind, subject))
        for wanted, event in self.waiting:
            if wanted == kind:
                event.set()

    @asynccontextmanager
    async def next(self, kind: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set by the next message of that type."""
        waiter = (kind, asyncio.Event())
        self.waiting.append(waiter)
        try:
            yield waiter[1]
        finally:
            self.waiting.remove(waiter)


@asynccontextmanager
async def tapped(backing: Backing, hosts: tuple[str, ...]) -> AsyncIterator[Tap]:
    """A tap on the deployment's exchanges."""
    tap, prefix = Tap(), backing.prefix
    connection = await aio_pika.connect(backing.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for name in TOPICS:
            await queue.bind(f"{prefix}.{name}", "#")
        for address in (*PACKAGES, *(f"agent.{host}" for host in hosts)):
            await queue.bind(f"{prefix}.commands", address)

        async def hear(message: AbstractIncomingMessage) -> None:
            tap.bodies.append(message.body.decode())
            body = json.loads(message.body)
            tap.hear(body["type"], body["subject"])

        await queue.consume(hear, no_ack=True)
        yield tap
