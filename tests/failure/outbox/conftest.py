"""Buses for the outbox tests: real RabbitMQ, also through a proxy, and the in-process one."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from stowage_contracts.topology import Topology
from stowage_runtime.bus import Bus
from stowage_runtime.bus.dead_letters import ListSink
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.bus.rabbit import RabbitBus
from yarl import URL

from tests.failure.outbox.instances import READER, Ear, Instance
from tests.servers.proxy import Proxy

Connect = Callable[[], Awaitable[Bus]]
Start = Callable[..., Awaitable[Instance]]
LIMITS = BusLimits(ladder=(0.05, 0.1, 0.2), confirm_seconds=3, connect_seconds=3, stop_seconds=2)


@pytest.fixture(params=["memory", "rabbit"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes connections to one broker, in turn of each kind."""
    made: list[Bus] = []
    if request.param == "rabbit":
        url, prefix = request.getfixturevalue("rabbitmq_url"), request.getfixturevalue("bus_prefix")

        async def make() -> Bus:
            made.append(await RabbitBus(url, Topology(prefix), LIMITS).ready())
            return made[-1]

        yield make
    else:
        broker = MemoryBroker(ListSink(), LIMITS)

        async def make_memory() -> Bus:
            made.append(MemoryBus(broker))
            return made[-1]

        yield make_memory
        broker.close()
    for bus in made:
        await bus.close()


@pytest.fixture
async def ear(connect: Connect) -> Ear:
    """Listens to the toy's events."""
    bus, ear = await connect(), Ear()
    await bus.declare(READER)
    await bus.listen(READER, ear.deliver)
    return ear


@pytest.fixture
async def start(database_url: str, connect: Connect) -> AsyncIterator[Start]:
    """Starts instances of one service on the same database and broker."""
    started: list[Instance] = []

    async def start(bus: Bus | None = None, url: str = database_url) -> Instance:
        started.append(await Instance.start(url, bus or await connect()))
        return started[-1]

    yield start
    for instance in started:
        await instance.stop()


@pytest.fixture
async def proxy(rabbitmq_url: str) -> AsyncIterator[Proxy]:
    broker = URL(rabbitmq_url)
    async with Proxy(str(broker.host), int(broker.port or 5672)) as proxy:
        yield proxy


@pytest.fixture
async def cut_bus(rabbitmq_url: str, bus_prefix: str, proxy: Proxy) -> AsyncIterator[RabbitBus]:
    """A connection to RabbitMQ that the proxy can cut."""
    url = str(URL(rabbitmq_url).with_port(proxy.port))
    bus = await RabbitBus(url, Topology(bus_prefix), LIMITS).ready()
    yield bus
    await bus.close()


@pytest.fixture
async def far_ear(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Ear]:
    """Listens on RabbitMQ without the proxy."""
    bus, ear = await RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS).ready(), Ear()
    await bus.declare(READER)
    await bus.listen(READER, ear.deliver)
    yield ear
    await bus.close()
