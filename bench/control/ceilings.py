"""What the broker and the database can do for one client that does nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import asyncpg
import psutil
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from bench.report import Row, milliseconds
from tests.e2e.deployment import Backing

BODY = b"x" * 1500
"""As long as a usual envelope."""
IN_FLIGHT = (1, 200)
CONNECTIONS = (1, 10)
Once = Callable[[int], Awaitable[None]]


@dataclass
class Pace:
    """How often ``once`` could be done by a number of workers."""

    seconds: float
    count: int = 0
    latencies: list[float] = field(default_factory=list)
    """Empty where nothing is waited for."""

    async def run(self, workers: int, once: Once) -> None:
        """``once`` is given its worker's number."""
        until = time.monotonic() + self.seconds
        async with asyncio.TaskGroup() as group:
            for worker in range(workers):
                group.create_task(self._always(worker, once, until))

    async def _always(self, worker: int, once: Once, until: float) -> None:
        while (began := time.monotonic()) < until:
            await once(worker)
            self.count += 1
            self.latencies.append(time.monotonic() - began)


async def measured(case: str, pace: Pace, run: Awaitable[None]) -> Row:
    """A ceiling's row."""
    me, cpu, began = psutil.Process(), time.process_time(), time.monotonic()
    await run
    took = time.monotonic() - began
    figures = {"per_second": pace.count / took, **milliseconds(pace.latencies)}
    peak = me.memory_info().rss / 2**20
    return Row(case, "ceiling", took, time.process_time() - cpu, peak, figures)


async def broker_ceilings(backing: Backing, seconds: float) -> list[Row]:
    """Publishing with confirms to a quorum queue, then consuming it with acknowledgements."""
    rows = []
    async with _queue(backing) as (channel, name):
        for workers in IN_FLIGHT:
            pace = Pace(seconds)

            async def publish(_worker: int) -> None:
                message = aio_pika.Message(BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(message, name)

            case = f"aio-pika publish+confirm, {workers} in flight"
            rows.append(await measured(case, pace, pace.run(workers, publish)))
        pace = Pace(seconds)
        rows.append(await measured("aio-pika consume+ack", pace, _consume(channel, name, pace)))
    return rows


@asynccontextmanager
async def _queue(backing: Backing) -> AsyncIterator[tuple[AbstractChannel, str]]:
    connection = await aio_pika.connect(backing.amqp_url)
    async with connection, connection.channel(publisher_confirms=True) as channel:
        name = f"{backing.prefix}.ceiling"
        arguments: dict[str, Any] = {"x-queue-type": "quorum"}
        queue = await channel.declare_queue(name, durable=True, arguments=arguments)
        yield channel, name
        await queue.delete(if_unused=False, if_empty=False)


async def _consume(channel: AbstractChannel, name: str, pace: Pace) -> None:
    """Take what was published before, for as long as there is some."""
    queue = await channel.declare_queue(name, passive=True)
    left, began = queue.declaration_result.message_count or 0, time.monotonic()
    done = asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        await message.ack()
        pace.count += 1
        if pace.count == left or time.monotonic() > began + pace.seconds:
            done.set()

    await channel.set_qos(prefetch_count=200)
    tag = await queue.consume(take)
    async with asyncio.timeout(10 * pace.seconds):
        await done.wait()
    await queue.cancel(tag)


async def database_ceilings(backing: Backing, seconds: float) -> list[Row]:
    """Transactions of two inserts, which is the least a handled message takes."""
    pool = await asyncpg.create_pool(backing.database_url, min_size=1, max_size=max(CONNECTIONS))
    rows = []
    async with pool:
        await pool.execute("CREATE TABLE ceiling (id bigserial PRIMARY KEY, body text NOT NULL)")
        for workers in CONNECTIONS:
            pace = Pace(seconds)
            case = f"asyncpg two-insert transactions, {workers} connections"
            rows.append(await measured(case, pace, pace.run(workers, lambda _: _insert(pool))))
        await pool.execute("DROP TABLE ceiling")
    return rows


async def _insert(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for _ in range(2):
            await connection.execute("INSERT INTO ceiling (body) VALUES ($1)", BODY.decode())
