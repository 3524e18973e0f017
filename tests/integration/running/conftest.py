"""The toy service running in this process, on either bus, and as a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from stowage_contracts.topology import Topology
from stowage_runtime.bus import Bus
from stowage_runtime.bus.dead_letters import ListSink
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.settings import ServiceSettings

from tests.unit.runtime.toy import PACKAGE


async def until(true: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Poll until the answer is true; what it was."""
    async with asyncio.timeout(seconds):
        while not (found := await true()):
            await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The toy's migrated database."""
    opened = await Database.open(database_url, "toy", PACKAGE)
    await opened.migrate()
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Buses:
    """Two ends of one bus: the service's and the test's."""

    ours: Bus
    theirs: Bus


@pytest.fixture(params=["memory", "rabbitmq"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[Buses]:
    """The same tests run on both kinds."""
    if request.param == "memory":
        broker = MemoryBroker(ListSink())
        found = Buses(MemoryBus(broker), MemoryBus(broker))
    else:
        url = request.getfixturevalue("rabbitmq_url")
        topology = Topology(request.getfixturevalue("bus_prefix"))
        found = Buses(
            await RabbitBus(url, topology).ready(), await RabbitBus(url, topology).ready()
        )
    yield found
    await found.theirs.close()
    await found.ours.close()


@pytest.fixture
def settings() -> ServiceSettings:
    return ServiceSettings.read(http_port=0, stop_seconds=2)


async def get(port: int, path: str) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        text = await response.text()
        return response.status, json.loads(text) if "json" in response.content_type else text


@dataclass
class Toy:
    """Runs ``python -m tests.integration.running`` with an environment."""

    environment: dict[str, str]
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            "python",
            "-m",
            "tests.integration.running",
            *arguments,
            env=self.environment | more,
            stdout=-1,
            stderr=-1,
        )
        self.processes.append(process)
        return process

    async def run(self, *arguments: str, **more: str) -> tuple[int | None, str, str]:
        """Exit code, stdout, stderr."""
        process = await self.start(*arguments, **more)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def process(database_url: str, rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Toy]:
    """The toy as a process, told where its servers are."""
    toy = Toy(
        {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "STOWAGE_DATABASE_URL": database_url,
            "STOWAGE_AMQP_URL": rabbitmq_url,
            "STOWAGE_BUS_PREFIX": bus_prefix,
            "STOWAGE_HTTP_PORT": "0",
            "STOWAGE_STOP_SECONDS": "2",
        }
    )
    yield toy
    for process in toy.processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()
