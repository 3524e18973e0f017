"""Keeps a number of copies in flight for a while and measures each."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import aio_pika
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.topology import Topology, address
from stowage_contracts.values import ServiceName, new_id
from stowage_runtime.bus.rabbit import RabbitBus

from bench.control.cloud import Cloud
from bench.control.tap import COPY_SECONDS
from tests.e2e.deployment import Backing

Ask = Callable[[str, str], Awaitable[None]]
"""(copy id, pool id): returns when the request was accepted."""


@dataclass
class Load:
    """Copies asked for one after another by ``in_flight`` askers; time runs from when as many
    have ended, for ``seconds``."""

    cloud: Cloud
    ask: Ask
    in_flight: int
    seconds: float
    began: float = math.inf
    ended: list[float] = field(default_factory=list)
    """When each copy was completed."""
    latencies: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    _number: count[int] = field(default_factory=count)

    async def run(self) -> None:
        """Run; raises AssertionError when a copy fails, TimeoutError when one never ends."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.in_flight):
                group.create_task(self._always())

    @property
    def per_second(self) -> float:
        """Copies completed while time ran, per second."""
        until = self.began + self.seconds
        return sum(self.began < at <= until for at in self.ended) / self.seconds

    async def _always(self) -> None:
        while time.monotonic() < self.began + self.seconds:
            await self._once()

    async def _once(self) -> None:
        copy_id, pools = new_id(), self.cloud.pools
        waiter, asked = self.cloud.tap.expect(copy_id), time.monotonic()
        await self.ask(copy_id, pools[next(self._number) % len(pools)])
        accepted = time.monotonic()
        async with asyncio.timeout(COPY_SECONDS):
            ending = await waiter
        assert ending == "CopyCompleted", f"copy {copy_id}: {ending}"
        self._note(asked, accepted, time.monotonic())

    def _note(self, asked: float, accepted: float, now: float) -> None:
        self.ended.append(now)
        if len(self.ended) == self.in_flight:
            self.began = now
        if asked >= self.began:
            self.latencies.append(now - asked)
            self.accepted.append(accepted - asked)


def through_api(cloud: Cloud) -> Ask:
    """POST /v1/copies."""

    async def ask(copy_id: str, pool_id: str) -> None:
        body = {"id": copy_id, "volume_id": new_id()}
        await cloud.operator.copy(cloud.template_id, pool_id, **body)

    return ask


def through_bus(cloud: Cloud, bus: RabbitBus) -> Ask:
    """RequestCopy on image-store's queue, as the gateway says it."""

    async def ask(copy_id: str, pool_id: str) -> None:
        message = RequestCopy(
            copy_id=copy_id,
            account_id="admin",
            template_id=cloud.template_id,
            store_id=pool_id,
            volume_id=new_id(),
        )
        envelope = Envelope.of(message, source=ServiceName.API_GATEWAY.value)
        await bus.send(envelope, to=address(ServiceName.IMAGE_STORE))

    return ask


async def bus_of(backing: Backing) -> RabbitBus:
    """A bus client; its caller closes it."""
    return await RabbitBus(backing.amqp_url, Topology(backing.prefix)).ready()


async def words_of_one(cloud: Cloud, backing: Backing, ask: Ask) -> list[str]:
    """The durable messages one copy takes, by type, in the order they were said."""
    said: list[str] = []
    connection = await aio_pika.connect(backing.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for exchange in ("events", "reports"):
            await queue.bind(f"{backing.prefix}.{exchange}", "#")
        for pool in range(len(cloud.pools)):
            await queue.bind(f"{backing.prefix}.commands", f"agent.null-{pool}")
        for name in ServiceName:
            await queue.bind(f"{backing.prefix}.commands", name.value)
        await queue.consume(lambda message: _note(message, said), no_ack=True)
        await Load(cloud, ask, 1, 0).run()
        await asyncio.sleep(1)  # what follows the completion
    return said


async def _note(message: aio_pika.abc.AbstractIncomingMessage, said: list[str]) -> None:
    said.append(message.type or "")
