"""A reader with an inbox: each message changes it once, whatever happened on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import NotFound
from stowage_contracts.messages.image_store import AddZone
from stowage_contracts.topology import address
from stowage_runtime.database import Database
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.testing import BenchBus
from stowage_runtime.testing.eventually import eventually

from tests.failure.outbox.conftest import Connect, Start
from tests.failure.outbox.instances import Instance
from tests.servers.server import Server
from tests.unit.runtime.toy import NAME, PACKAGE, World, toy

COUNT = 60


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def reader(
    connect: Connect, database_url: str, world: World
) -> AsyncIterator[Consumer[World]]:
    """A service of its own schema that consumes what the instances say."""
    bus = await connect()
    database = await Database.open(database_url, "reader", PACKAGE)
    await database.migrate()
    consumer = Consumer(toy(world), Transactions(NAME, database, bus, Wakes(database)))
    await bus.declare(consumer.reader)
    await bus.listen(consumer.reader, consumer.deliver)
    yield consumer
    await bus.pause()
    await database.close()


async def zones(consumer: Consumer[World]) -> int:
    return len(await consumer.transactions.database.fetch("zones"))


async def command(instance: Instance, *zone_ids: str) -> None:
    async with instance.transactions.begin() as tx:
        for zone in zone_ids:
            await tx.say(AddZone(zone_id=zone, name=zone), to=address(NAME))


async def test_what_was_sent_twice_after_a_crash_takes_effect_once(
    start: Start, reader: Consumer[World], world: World
) -> None:
    for batch in range(3):
        instance = await start()
        await command(instance, *(f"z{batch}-{number}" for number in range(COUNT // 3)))
        await eventually(lambda goal=world.handled: world.handled > goal)
        await instance.crash()
    heir = await start()
    await eventually(heir.empty)

    await eventually(lambda: world.handled >= COUNT)
    said = await reader.transactions.database.fetch("runtime.said")
    assert world.handled == await zones(reader) == len(said) == COUNT


async def test_a_handler_that_fails_at_first_is_run_again_and_says_it_once(
    start: Start, reader: Consumer[World], world: World
) -> None:
    world.faults = [NotFound("not there yet"), ConnectionResetError()]
    instance = await start()
    await command(instance, "z")

    await eventually(lambda: world.handled == 3)
    await eventually(instance.empty)

    assert await zones(reader) == 1
    assert len(await reader.transactions.database.fetch("runtime.said")) == 1


async def test_the_same_envelope_from_many_hands_at_once_is_handled_once(
    reader: Consumer[World], world: World
) -> None:
    envelope = Envelope.of(AddZone(zone_id="z", name="n"), source="api-gateway")

    await asyncio.gather(*(reader.deliver(envelope) for _ in range(8)))

    assert world.handled == 1


async def test_a_delivery_waits_in_place_for_a_database_that_restarts(
    private_postgres: Server, private_database_url: str, world: World
) -> None:
    instance = await Instance.start(private_database_url, BenchBus())
    consumer = Consumer(toy(world), instance.transactions)
    await asyncio.to_thread(private_postgres.stop)

    message = AddZone(zone_id="z", name="n")
    waiting = asyncio.create_task(consumer.deliver(Envelope.of(message, source="api-gateway")))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await asyncio.to_thread(private_postgres.start)
    await asyncio.wait_for(waiting, 20)

    assert world.handled == 1
    await instance.stop()
