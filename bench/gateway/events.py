"""Events into a gateway and out of it, at the pace of whoever sends them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import asyncpg
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.image_store import PodAdded
from stowage_contracts.topology import Topology
from stowage_contracts.values import new_id
from stowage_contracts.views import PodView
from stowage_runtime.bus.rabbit import RabbitBus

from tests.e2e.deployment import Backing
from tests.e2e.operator import ZONE, Operator
from tests.integration.sinks.receiver import Receiver, receiving

IN_FLIGHT, LOOK_SECONDS, PATIENCE = 200, 0.05, 120
EXCHANGE, UNLIMITED = "bench-out", 100_000
_SHOWN = "SELECT count(*) FROM api_gateway.resources WHERE noun = 'pod' AND id LIKE $1"


def foreign_exchange(where: Backing) -> str:
    """Where the CloudStack of this run publishes."""
    return f"{where.prefix}-cloudstack-events"


@dataclass
class Sinks:
    """A webhook and an exchange, and how many events each was given."""

    receiver: Receiver
    published: int = 0

    @property
    def taken(self) -> int:
        """By the webhook."""
        return len(self.receiver.taken)


async def foreign_events(operator: Operator, where: Backing, count: int) -> float:
    """Seconds from the first event of a CloudStack until all are among what is looked at."""
    before, began = await _taken(operator), time.monotonic()
    async with await aio_pika.connect(where.amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(foreign_exchange(where))

        async def publish(_number: int) -> None:
            key, body = _foreign()
            await exchange.publish(aio_pika.Message(body), key, mandatory=False)

        await _all(count, publish)
    await _until(lambda: _taken(operator), before + count)
    return time.monotonic() - began


async def owners_events(
    operator: Operator, where: Backing, count: int, sinks: Sinks
) -> dict[str, float]:
    """Seconds until as many owners' events were sent, shown, and given to each sink."""
    hooked, published = sinks.taken, sinks.published
    rows = await asyncpg.connect(where.database_url)
    bus = await RabbitBus(where.amqp_url, Topology(where.prefix)).ready()
    run, began = new_id(), time.monotonic()
    ended: dict[str, float] = {}

    async def reached(name: str, asked: Callable[[], Awaitable[int]], wanted: int) -> None:
        await _until(asked, wanted)
        ended[name] = time.monotonic() - began

    async def hooked_now() -> int:
        return sinks.taken - hooked

    async def published_now() -> int:
        return sinks.published - published

    async def shown_now() -> int:
        return int(await rows.fetchval(_SHOWN, f"{run}-%"))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reached("shown", shown_now, count))
            group.create_task(reached("webhook", hooked_now, count))
            group.create_task(reached("amqp", published_now, count))
            await _all(count, lambda number: bus.send(_owners(run, number)))
            ended["sent"] = time.monotonic() - began
    finally:
        await bus.close()
        await rows.close()
    return ended


@asynccontextmanager
async def sinks(operator: Operator, where: Backing) -> AsyncIterator[Sinks]:
    """Both made, their other ends listening."""
    async with receiving() as receiver, await aio_pika.connect(where.amqp_url) as connection:
        found = Sinks(receiver)
        channel = await connection.channel()
        name = f"{where.prefix}-{EXCHANGE}"
        exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")

        async def count(_message: aio_pika.abc.AbstractIncomingMessage) -> None:
            found.published += 1

        await queue.consume(count, no_ack=True)
        common = {"nouns": ["pod"], "rate": UNLIMITED}
        hook = {"name": "hook", "kind": "webhook", "url": receiver.url, **common}
        await operator.call("POST", "sinks", hook)
        out = {"name": "out", "kind": "amqp", "exchange": name, **common}
        await operator.call("POST", "sinks", out)
        yield found
        await exchange.delete()


def _foreign() -> tuple[str, bytes]:
    uuid = new_id()
    key = f"management-server.ActionEvent.TEMPLATE-CREATE.Template.{uuid}"
    told = {"event": "TEMPLATE.CREATE", "status": "Completed", "entity": "Template"}
    return key, json.dumps({**told, "entityuuid": uuid}).encode()


def _owners(run: str, number: int) -> Envelope:
    key = f"{run}-{number}"
    message = PodAdded(state=PodView(id=key, name=key, zone_id=ZONE))
    return Envelope.of(message, source="image-store", sequence=1, number=1)


async def _all(count: int, once: Callable[[int], Awaitable[object]]) -> None:
    """Each number once, some side by side."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await once(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())


async def _until(asked: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await asked() < wanted:  # noqa: ASYNC110 - several processes have no common event
            await asyncio.sleep(LOOK_SECONDS)


async def _taken(operator: Operator) -> int:
    return int((await operator.call("GET", "mirror"))["events"]["taken"])
