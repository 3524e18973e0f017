"""Sits at the broker: says old messages again, holds a service's back and gives them mixed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aio_pika
import aiohttp
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from aiohttp import ClientError
from yarl import URL

from tests.e2e.deployment import PACKAGES, Backing

TOPICS = ("events", "reports", "signals")
AGAIN_SECONDS = 0.3
GONE = (AMQPError, OSError, ClientError, asyncio.TimeoutError)
"""What a broker that was killed looks like."""


@dataclass(frozen=True)
class Heard:
    """One message, with where it entered the broker."""

    type: str
    exchange: str
    key: str
    user: str
    message_id: str
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, message: AbstractIncomingMessage) -> Heard:
        given = (message.exchange or "", message.routing_key or "", message.user_id or "")
        return cls(message.type or "", *given, message.message_id or "", message.body)

    def again(self) -> aio_pika.Message:
        """The same once more; headers are believed on the default exchange only."""
        return aio_pika.Message(
            self.body,
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=self.message_id,
            type=self.type,
            user_id="guest",
            headers={
                "x-stowage-exchange": self.exchange,
                "x-stowage-key": self.key,
                "x-stowage-user": self.user or "guest",
            },
        )


@dataclass
class Shovel:
    """Hears every message of a deployment; comes back when the broker does."""

    backing: Backing
    hosts: tuple[str, ...]
    recent: deque[Heard] = field(default_factory=lambda: deque(maxlen=800))
    waiting: list[tuple[str, asyncio.Event]] = field(default_factory=list)
    held: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Services whose messages are held back, with the bindings taken from them."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except GONE:
                await asyncio.sleep(AGAIN_SECONDS)

    async def heard(self, kind: str) -> None:
        """Wait for the next message of that type."""
        waiter = (kind, asyncio.Event())
        self.waiting.append(waiter)
        try:
            await waiter[1].wait()
        finally:
            self.waiting.remove(waiter)

    async def repeat(self, chance: Random, count: int) -> int:
        """Say some of what was heard once more, in another order; how many."""
        old = chance.sample(list(self.recent), k=min(count, len(self.recent)))

        async def send(channel: AbstractChannel) -> None:
            for heard in old:
                exchange = await channel.get_exchange(heard.exchange, ensure=False)
                await exchange.publish(heard.again(), heard.key, mandatory=False)

        await self._with_channel(send)
        return len(old)

    async def hold(self, service: str) -> None:
        """From now on nothing reaches that service."""
        queue, aside = self._names(service)
        keys = await self._bindings(queue)

        async def divert(channel: AbstractChannel) -> None:
            other = await channel.declare_queue(aside, durable=True)
            main = await channel.get_queue(queue, ensure=False)
            for exchange, key in keys:
                await other.bind(exchange, key)
            self.held[service] = keys
            for exchange, key in keys:
                await main.unbind(exchange, key)

        await self._with_channel(divert)

    async def release(self, service: str, chance: Random) -> int:
        """Everything held back arrives, mixed, some of it twice; how many."""
        queue, aside = self._names(service)
        kept: list[Heard] = []

        async def rejoin(channel: AbstractChannel) -> None:
            main = await channel.get_queue(queue, ensure=False)
            other = await channel.get_queue(aside, ensure=False)
            for exchange, key in self.held[service]:
                await main.bind(exchange, key)
                await other.unbind(exchange, key)
            while (message := await other.get(fail=False)) is not None:
                kept.append(Heard.of(message))
            mixed = [*kept, *chance.sample(kept, k=len(kept) // 3)]
            chance.shuffle(mixed)
            for heard in mixed:
                await channel.default_exchange.publish(heard.again(), queue)
            await other.delete(if_unused=False, if_empty=False)

        await self._with_channel(rejoin)
        del self.held[service]
        return len(kept)

    async def counts(self) -> dict[str, int]:
        """Messages that wait in each of the deployment's queues that is not empty."""
        found = await managed(self.backing, "queues/%2F?columns=name")
        names = [row["name"] for row in found if row["name"].startswith(self.backing.prefix)]
        counts: dict[str, int] = {}

        async def count(channel: AbstractChannel) -> None:
            for name in names:
                queue = await channel.declare_queue(name, passive=True)
                counts[name] = queue.declaration_result.message_count or 0

        await self._with_channel(count)
        return {name: number for name, number in counts.items() if number}

    def _names(self, service: str) -> tuple[str, str]:
        prefix = self.backing.prefix
        return f"{prefix}.{service}", f"{prefix}-aside.{service}"

    async def _listen(self) -> None:
        async with _connected(self.backing) as connection, connection.channel() as channel:
            queue = await channel.declare_queue(exclusive=True)
            for name in TOPICS:
                await queue.bind(f"{self.backing.prefix}.{name}", "#")
            for address in (*PACKAGES, *(f"agent.{host}" for host in self.hosts)):
                await queue.bind(f"{self.backing.prefix}.commands", address)
            async with queue.iterator(no_ack=True) as messages:
                async for message in messages:
                    self._hear(Heard.of(message))

    def _hear(self, heard: Heard) -> None:
        if not heard.exchange.endswith("signals"):
            self.recent.append(heard)
        for kind, event in self.waiting:
            if kind == heard.type:
                event.set()

    async def _with_channel(self, work: Callable[[AbstractChannel], Awaitable[None]]) -> None:
        """Raises one of GONE while the broker is away."""
        async with (
            asyncio.timeout(10),
            _connected(self.backing) as connection,
            connection.channel() as channel,
        ):
            await work(channel)

    async def _bindings(self, queue: str) -> list[tuple[str, str]]:
        found = await managed(self.backing, f"queues/%2F/{queue}/bindings")
        return [(row["source"], row["routing_key"]) for row in found if row["source"]]


@asynccontextmanager
async def _connected(backing: Backing) -> AsyncIterator[aio_pika.Connection]:
    """As ``aio_pika.connect``, which lets the garbage collector close what found no broker."""
    connection = aio_pika.Connection(URL(backing.amqp_url))
    try:
        await connection.connect(timeout=5)
        yield connection
    finally:
        await connection.close()


async def managed(backing: Backing, path: str) -> Any:
    """What the broker's management API says."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session,
        session.get(URL(f"{backing.management_url}/api/{path}", encoded=True)) as response,
    ):
        response.raise_for_status()
        return await response.json()
