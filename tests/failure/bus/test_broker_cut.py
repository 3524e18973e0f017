"""The bus under a cut, stalled, restarted broker: nothing lost, failures soon, back by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.testing.bus_words import (
    CACHE,
    CACHES,
    GATEWAY,
    LIMITS,
    OWNER,
    STORE,
    Inbox,
    answered,
    command,
    progress,
    question,
)
from stowage_runtime.testing.eventually import eventually
from yarl import URL

from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMq

PATIENT = replace(LIMITS, deliveries=20)


@asynccontextmanager
async def _through(proxy: Proxy, url: str, prefix: str) -> AsyncIterator[RabbitBus]:
    near = URL(url).with_host("127.0.0.1").with_port(proxy.port)
    bus = await RabbitBus(str(near), Topology(prefix), PATIENT).ready()
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture
async def proxy(rabbitmq_url: str) -> AsyncIterator[Proxy]:
    far = URL(rabbitmq_url)
    async with Proxy(far.host or "", far.port or 5672) as proxy:
        yield proxy


@pytest.fixture
async def bus(proxy: Proxy, rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[RabbitBus]:
    """A bus whose connection the test can cut."""
    async with _through(proxy, rabbitmq_url, bus_prefix) as bus:
        for reader in (STORE, CACHES, GATEWAY):
            await bus.declare(reader)
        yield bus


async def _insist(bus: RabbitBus, envelope: Envelope) -> None:
    """As an outbox does: until it is confirmed."""
    async with asyncio.timeout(60):
        while True:
            with suppress(Unavailable):
                return await bus.send(envelope, to=OWNER)
            await asyncio.sleep(0.05)


async def test_cuts_while_sending_and_consuming_lose_nothing(bus: RabbitBus, proxy: Proxy) -> None:
    store = Inbox()
    await bus.listen(STORE, store)
    said = [command(f"zone-{number % 20}") for number in range(400)]
    slots = asyncio.Semaphore(10)

    async def send(item: Envelope) -> None:
        async with slots:
            await _insist(bus, item)

    sending = asyncio.gather(*(send(item) for item in said))
    for share in (50, 150, 250):
        await eventually(lambda share=share: len(set(store.ids)) >= share, 30)
        await proxy.cut()
        await eventually(lambda: not bus.connected)
        await proxy.restore()
    await sending
    await eventually(lambda: set(store.ids) == {item.id for item in said}, 30)
    assert await bus.dead_letters(OWNER).entries() == []


async def test_a_cut_fails_what_waits_and_everything_works_afterwards(
    bus: RabbitBus, proxy: Proxy
) -> None:
    store, heard, asked = Inbox(), Inbox(), asyncio.Event()
    free = asyncio.Event()

    async def answer(request: Envelope) -> Envelope:
        asked.set()
        await free.wait()
        return answered(request)

    await bus.listen(STORE, store)
    await bus.hear(GATEWAY, heard)
    await bus.serve(CACHES, answer)
    request = asyncio.create_task(bus.request(question(), to=CACHE, seconds=60))
    await asyncio.wait_for(asked.wait(), 10)
    await proxy.cut()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(request, 10)
    await eventually(lambda: not bus.connected)
    with pytest.raises(Unavailable):
        await bus.send(command(), to=OWNER)
    with pytest.raises(Unavailable):
        await bus.request(question(), to=CACHE, seconds=5)
    await bus.signal(progress())
    free.set()
    await proxy.restore()
    await eventually(lambda: bus.connected, 20)
    await _insist(bus, command())
    await store.has(1, 20)

    async def heard_again() -> bool:
        await bus.signal(progress())
        return bool(heard.got)

    await eventually(heard_again, 20)
    assert (await bus.request(question(), to=CACHE, seconds=20)).subject


async def test_a_cut_while_handling_delivers_again(bus: RabbitBus, proxy: Proxy) -> None:
    begun, free, done = asyncio.Event(), asyncio.Event(), []

    async def deliver(envelope: Envelope) -> None:
        begun.set()
        await free.wait()
        done.append(envelope.id)

    await bus.listen(STORE, deliver)
    said = command()
    await bus.send(said, to=OWNER)
    await asyncio.wait_for(begun.wait(), 10)
    await proxy.cut()
    await eventually(lambda: not bus.connected)
    free.set()
    await proxy.restore()
    await eventually(lambda: len(done) >= 2, 20)
    assert set(done) == {said.id}


async def test_a_stalled_connection_fails_sends_and_is_replaced(
    proxy: Proxy, rabbitmq_url: str, bus_prefix: str
) -> None:
    async with _through(proxy, rabbitmq_url, bus_prefix) as bus:
        await bus.declare(STORE)
        proxy.stall()
        with pytest.raises(Unavailable):
            await bus.send(command(), to=OWNER)
        await bus.signal(progress())
        await eventually(lambda: not bus.connected, 60)
        await proxy.restore()
        await eventually(lambda: bus.connected, 20)
        await _insist(bus, command())


async def test_a_bus_starts_before_its_broker(
    proxy: Proxy, rabbitmq_url: str, bus_prefix: str
) -> None:
    port = proxy.port
    await proxy.cut()
    url = URL(rabbitmq_url).with_host("127.0.0.1").with_port(port)
    bus = RabbitBus(str(url), Topology(bus_prefix), LIMITS).start()
    with pytest.raises(Unavailable):
        await bus.declare(STORE)
    store = Inbox()
    await bus.listen(STORE, store)
    await proxy.restore()
    await eventually(lambda: bus.connected, 20)
    await bus.declare(STORE)
    await _insist(bus, command())
    await store.has(1, 20)
    await bus.close()


@pytest.mark.slow
async def test_a_restarted_broker_keeps_what_was_confirmed(private_rabbitmq: RabbitMq) -> None:
    bus = await RabbitBus(private_rabbitmq.url, Topology("restart"), PATIENT).ready()
    await bus.declare(STORE)
    kept = [command() for _ in range(20)]
    await asyncio.gather(*(bus.send(item, to=OWNER) for item in kept))
    await asyncio.to_thread(private_rabbitmq.kill)
    await eventually(lambda: not bus.connected, 20)
    with pytest.raises(Unavailable):
        await bus.send(command(), to=OWNER)
    store = Inbox()
    await bus.listen(STORE, store)
    await asyncio.to_thread(private_rabbitmq.start)
    await eventually(lambda: bus.connected, 30)
    late = command()
    await _insist(bus, late)
    await eventually(lambda: set(store.ids) == {item.id for item in [*kept, late]}, 30)
    await bus.close()
