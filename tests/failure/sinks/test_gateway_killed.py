"""A gateway is killed in mid-delivery: another one goes on, in order, and nothing is lost."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.conftest import api, bench, made_keys, receiver, server, settings
from tests.integration.sinks.receiver import Receiver
from tests.integration.sinks.test_webhooks import hook, say
from tests.unit.api_gateway.api import Api

__all__ = ["api", "bench", "made_keys", "receiver", "server", "settings"]
Bench = ServiceBench[Deps]
EVENTS = 12


@dataclass
class Gateways:
    """Processes of the gateway, started when asked for."""

    environment: dict[str, str]
    folder: Path
    stack: AsyncExitStack
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> asyncio.subprocess.Process:
        log = self.stack.enter_context((self.folder / f"{len(self.running)}.log").open("wb"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api_gateway", "run", env=self.environment, stderr=log
        )
        self.running.append(process)
        self.stack.push_async_callback(_ended, process)
        return process


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def gateways(
    made_keys: dict[str, str], database_url: str, rabbitmq_url: str, bus_prefix: str, tmp_path: Path
) -> AsyncIterator[Gateways]:
    given = {
        **made_keys,
        "database_url": database_url,
        "amqp_url": rabbitmq_url,
        "bus_prefix": bus_prefix,
        "http_port": "0",
        "sink_allow": "127.0.0.0/8",
        "stop_seconds": "2",
    }
    settings = {f"STOWAGE_{name.upper()}": text for name, text in given.items()}
    async with AsyncExitStack() as stack:
        yield Gateways({**os.environ, **settings}, tmp_path, stack)


async def owner(bench: Bench) -> str:
    async with bench.database.connection() as connection:
        return str(await connection.fetchval("SELECT owner FROM sinks"))


@asynccontextmanager
async def hanging(receiver: Receiver) -> AsyncIterator[None]:
    """Nothing is answered inside."""
    gate = receiver.hang = asyncio.Event()
    try:
        yield
    finally:
        receiver.hang = None
        gate.set()


@pytest.mark.slow
async def test_another_gateway_goes_on(
    api: Api, bench: Bench, gateways: Gateways, receiver: Receiver
) -> None:
    await hook(api, receiver)
    first = await gateways.start()
    await say(bench, 1)
    await receiver.has(1, 30)
    async with hanging(receiver):
        for number in range(2, EVENTS + 1):
            await say(bench, number)
        await eventually(lambda: receiver.hanging > 0)
        killed = await owner(bench)
        first.kill()
        await first.wait()
        await gateways.start()
    await receiver.has(EVENTS, 30)
    receiver.check_order()

    async def recorded() -> bool:
        async with bench.database.connection() as connection:
            return int(await connection.fetchval("SELECT delivered FROM sinks")) >= EVENTS

    await eventually(recorded)
    assert await owner(bench) not in {"", killed}
