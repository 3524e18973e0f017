"""Real processes that relay, killed in mid-batch."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.testing.eventually import eventually

from tests.failure.outbox.conftest import LIMITS
from tests.failure.outbox.instances import Ear, Instance
from tests.servers.proxy import Proxy
from tests.unit.runtime.toy import NAME, PACKAGE

ZONES, EACH = 10, 12
ALL = {f"zone/z{number}": [*range(1, EACH + 1)] for number in range(ZONES)}
Spawn = Callable[[], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def backlog(database_url: str, rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Instance]:
    """A service that has said much and does not relay."""
    bus = RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS)
    database = await Database.open(database_url, "toy", PACKAGE)
    await database.migrate()
    instance = Instance(database, bus)
    instance.transactions = Transactions(NAME, database, bus, Wakes(database))
    await instance.say_at_once(ZONES, EACH)
    yield instance
    await database.close()


@pytest.fixture
async def spawn(
    database_url: str, cut_bus: RabbitBus, proxy: Proxy, rabbitmq_url: str, bus_prefix: str
) -> AsyncIterator[Spawn]:
    """Starts relaying processes, behind a slow line so that they can be met at work."""
    spawned: list[asyncio.subprocess.Process] = []
    proxy.delay = 0.1
    address = rabbitmq_url.rpartition("@")[0] + f"@127.0.0.1:{proxy.port}/"

    async def spawn() -> asyncio.subprocess.Process:
        arguments = ("-m", "tests.failure.outbox.process", database_url, address, bus_prefix)
        spawned.append(await asyncio.create_subprocess_exec(sys.executable, *arguments))
        return spawned[-1]

    yield spawn
    for process in spawned:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_relay_loses_nothing_and_repeats_only_what_was_not_recorded(
    backlog: Instance, far_ear: Ear, spawn: Spawn, proxy: Proxy
) -> None:
    process = await spawn()
    await eventually(lambda: len(far_ear.heard) > ZONES, 20)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert await backlog.left() > 0

    proxy.delay = 0
    await spawn()
    await eventually(backlog.empty, 40)

    assert far_ear.firsts() == ALL
    assert sum(Counter(e.id for e in far_ear.heard).values()) < 2 * ZONES * EACH


async def test_a_terminated_relay_repeats_nothing(
    backlog: Instance, far_ear: Ear, spawn: Spawn, proxy: Proxy
) -> None:
    process = await spawn()
    await eventually(lambda: len(far_ear.heard) > ZONES, 20)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    assert await backlog.left() > 0

    proxy.delay = 0
    await spawn()
    await eventually(backlog.empty, 40)

    assert far_ear.firsts() == ALL
    assert len(far_ear.heard) == ZONES * EACH


async def test_a_waiting_instance_takes_over_when_the_leading_process_is_killed(
    backlog: Instance, far_ear: Ear, spawn: Spawn, proxy: Proxy
) -> None:
    leading = await spawn()
    await eventually(lambda: len(far_ear.heard) > ZONES, 20)
    await spawn()
    leading.kill()
    proxy.delay = 0
    await eventually(backlog.empty, 40)

    assert far_ear.firsts() == ALL
