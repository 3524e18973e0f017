"""The relay while RabbitMQ is cut off, stalled or down: what is said waits, and leaves in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.testing.eventually import eventually

from tests.failure.outbox.conftest import LIMITS
from tests.failure.outbox.instances import READER, Ear, Instance
from tests.servers.proxy import Proxy
from tests.servers.server import Server

ZONES, EACH = 6, 20


def everything(each: int = EACH) -> dict[str, list[int]]:
    return {f"zone/z{number}": [*range(1, each + 1)] for number in range(ZONES)}


@pytest.fixture
async def instance(database_url: str, cut_bus: RabbitBus) -> AsyncIterator[Instance]:
    instance = await Instance.start(database_url, cut_bus)
    yield instance
    await instance.stop()


async def test_what_is_said_while_the_broker_is_away_leaves_in_order_when_it_is_back(
    instance: Instance, proxy: Proxy, far_ear: Ear
) -> None:
    await proxy.cut()
    await instance.say_at_once(ZONES, EACH)
    assert await instance.left() == ZONES * EACH

    await proxy.restore()
    await eventually(instance.empty, 20)

    assert far_ear.firsts() == everything()


async def test_an_absent_broker_costs_no_attempts_and_no_writes(
    instance: Instance, proxy: Proxy, far_ear: Ear
) -> None:
    await eventually(lambda: instance.leader.leading)
    await proxy.cut()
    await instance.say_at_once(ZONES, EACH)
    await eventually(lambda: not instance.bus.connected)
    before = await versions(instance)
    await asyncio.sleep(1.5)  # time for a storm to show itself

    assert await versions(instance) == before
    await proxy.restore()
    await eventually(instance.empty, 20)


async def test_cuts_in_mid_stream_lose_nothing_and_keep_the_order(
    instance: Instance, proxy: Proxy, far_ear: Ear
) -> None:
    writing = asyncio.create_task(instance.say_at_once(ZONES, EACH))
    for goal in (5, 30, 60):
        await eventually(lambda goal=goal: len(far_ear.ids) >= goal, 20)
        await proxy.cut()
        await proxy.restore()
    await writing
    await eventually(instance.empty, 20)

    assert far_ear.firsts() == everything()


async def test_a_broker_that_stalls_with_its_socket_open_is_waited_for(
    instance: Instance, proxy: Proxy, far_ear: Ear
) -> None:
    await instance.say_at_once(ZONES, 1)
    await eventually(instance.empty)
    proxy.stall()
    await instance.say_at_once(ZONES, EACH - 1)
    assert len(far_ear.ids) < ZONES * EACH

    await proxy.restore()
    await eventually(instance.empty, 30)

    assert far_ear.firsts() == everything()


@pytest.mark.slow
async def test_a_broker_restart_loses_nothing(
    database_url: str, private_rabbitmq: Server, bus_prefix: str
) -> None:
    url, topology = private_rabbitmq.url, Topology(bus_prefix)
    bus, reading = await connected(url, topology), await connected(url, topology)
    instance, ear = await Instance.start(database_url, bus), Ear()
    await reading.declare(READER)
    await reading.listen(READER, ear.deliver)
    await instance.say_at_once(ZONES, EACH // 2)

    await asyncio.to_thread(private_rabbitmq.stop)
    await instance.say_at_once(ZONES, EACH // 2)
    await asyncio.to_thread(private_rabbitmq.start)
    await eventually(instance.empty, 60)
    await eventually(lambda: len(ear.ids) == ZONES * EACH, 30)

    assert ear.firsts() == everything()
    for thing in (bus, reading):
        await thing.close()
    await instance.stop()


async def connected(url: str, topology: Topology) -> RabbitBus:
    return await RabbitBus(url, topology, LIMITS).ready()


async def versions(instance: Instance) -> list[tuple[int, int, int]]:
    """Of every row its id, its attempts and the transaction that wrote it last."""
    async with instance.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, attempts, xmin::text::bigint FROM outbox ORDER BY id"
        )
    return [tuple(row) for row in rows]
