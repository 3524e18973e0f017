"""What only a broker can do to us: foreign bytes, poison, another topology."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from stowage_contracts.errors import Conflict, InvalidInput, Unavailable
from stowage_contracts.topology import Topology
from stowage_runtime.bus import Reader
from stowage_runtime.bus.dead_letters import DeadLetter
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.testing.bus_words import LIMITS, OWNER, STORE, Inbox, command, event
from stowage_runtime.testing.eventually import eventually
from structlog.testing import capture_logs


@pytest.fixture
async def bus(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[RabbitBus]:
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS).ready()
    await bus.declare(STORE)
    yield bus
    await bus.close()


@pytest.fixture
async def raw(rabbitmq_url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield await connection.channel()


async def _dead(bus: RabbitBus, count: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []

    async def look() -> bool:
        found[:] = await bus.dead_letters(OWNER).entries()
        return len(found) == count

    await eventually(look)
    return found


@pytest.mark.parametrize("body", [b"", b"\xff\xfe not text", b"{}", b"[1, 2]", b'{"id": "s3cret"}'])
async def test_bytes_that_are_no_envelope_are_dead_lettered_and_the_queue_goes_on(
    bus: RabbitBus, raw: aio_pika.abc.AbstractChannel, bus_prefix: str, body: bytes
) -> None:
    store = Inbox()
    await bus.listen(STORE, store)
    queue = Topology(bus_prefix).queue(OWNER)
    await raw.default_exchange.publish(aio_pika.Message(body), queue)
    said = command()
    await bus.send(said, to=OWNER)
    assert (await store.has(1))[0] == said
    [dead] = await _dead(bus, 1)
    assert dead.reason.code == "invalid.malformed"
    assert dead.reason.cause
    assert dead.reason.hint
    assert "s3cret" not in dead.reason.cause
    assert dead.id
    assert dead.queue == queue
    assert (await bus.dead_letters(OWNER).show(dead.id)).body == body.decode(errors="replace")


async def test_a_message_that_ends_every_process_is_dead_lettered_by_the_broker(
    bus: RabbitBus, rabbitmq_url: str, bus_prefix: str
) -> None:
    said = command()
    await bus.send(said, to=OWNER)
    for _ in range(LIMITS.deliveries + 1):
        async with await aio_pika.connect(rabbitmq_url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(Topology(bus_prefix).queue(OWNER), ensure=False)
            message = await _get(queue)
            assert message.message_id == said.id
            await channel.close()
    [dead] = await _dead(bus, 1)
    assert (dead.id, dead.reason.code) == (said.id, "broker.delivery_limit")
    assert dead.queue == Topology(bus_prefix).queue(OWNER)
    store = Inbox()
    await bus.listen(STORE, store)
    await bus.dead_letters(OWNER).replay(said.id)
    assert (await store.has(1))[0] == said


async def test_a_queue_with_other_arguments_is_a_conflict_that_names_it(
    bus: RabbitBus, raw: aio_pika.abc.AbstractChannel, bus_prefix: str
) -> None:
    name = Topology(bus_prefix).queue("api-gateway")
    await raw.declare_queue(name, durable=True)
    with pytest.raises(Conflict, match=name) as caught:
        await bus.declare(Reader("api-gateway"))
    assert caught.value.hint
    await bus.declare(STORE)


async def test_listening_before_migrate_says_so(bus: RabbitBus) -> None:
    with pytest.raises(Unavailable, match="NOT_FOUND"):
        await bus.listen(Reader("api-gateway"), Inbox())


async def test_a_publish_the_broker_refuses_does_not_harm_the_next(
    rabbitmq_url: str, bus_prefix: str
) -> None:
    """Nothing is declared, so the exchange is missing and the channel is closed."""
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS).ready()
    with pytest.raises(Unavailable, match="NOT_FOUND"):
        await bus.send(event())
    await bus.declare(STORE)
    store = Inbox()
    await bus.listen(STORE, store)
    await bus.send(command(), to=OWNER)
    await store.has(1)
    await bus.close()


async def test_messages_survive_a_handler_that_never_returns_by_being_handed_back(
    bus: RabbitBus, rabbitmq_url: str, bus_prefix: str
) -> None:
    stuck, store = asyncio.Event(), Inbox()

    async def hang(_envelope: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await bus.listen(STORE, hang)
    said = [command("zone-1") for _ in range(3)]
    for item in said:
        await bus.send(item, to=OWNER)
    await asyncio.wait_for(stuck.wait(), 10)
    await bus.close()
    other = await RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS).ready()
    await other.listen(STORE, store)
    await store.has(3)
    assert store.ids == [item.id for item in said]
    await other.close()


async def test_a_consumer_the_broker_cancels_comes_back(
    bus: RabbitBus, raw: aio_pika.abc.AbstractChannel, bus_prefix: str
) -> None:
    store = Inbox()
    await bus.listen(STORE, store)
    with capture_logs() as logs:
        await raw.queue_delete(Topology(bus_prefix).queue(OWNER))
        await eventually(lambda: any(line["event"] == "bus.queue_away" for line in logs))
    await bus.declare(STORE)
    said = command()
    await bus.send(said, to=OWNER)
    assert (await store.has(1))[0] == said


async def test_a_full_queue_refuses_more_and_takes_it_when_there_is_room(
    rabbitmq_url: str, bus_prefix: str
) -> None:
    small = replace(LIMITS, queue_length=5)
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix), small).ready()
    await bus.declare(STORE)
    taken = 0

    async def refused() -> bool:
        nonlocal taken
        try:
            await bus.send(command(), to=OWNER)
        except Unavailable as error:
            return error.code == "unavailable.broker"
        taken += 1
        return False

    await eventually(refused)
    store = Inbox()
    await bus.listen(STORE, store)
    await store.has(taken)
    await bus.send(command(), to=OWNER)
    await store.has(taken + 1)
    await bus.close()


@pytest.mark.parametrize("url", ["http://h/", "amqp:///", "nonsense"])
def test_what_is_no_broker_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput, match="broker URL"):
        RabbitBus(url, Topology("t"))


async def _get(queue: aio_pika.abc.AbstractQueue) -> AbstractIncomingMessage:
    async with asyncio.timeout(10):
        while True:
            message = await queue.get(fail=False)
            if message is not None:
                return message
            await asyncio.sleep(0.01)
