"""What follows from having no broker: sends wait, repeats join, dead letters need a place."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import new_id
from stowage_runtime.bus import Rejected
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.bus.dead_letters import DeadLetter, DeadLetterSink, ListSink, Reason
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.database import Database
from stowage_runtime.testing.bus_words import (
    CACHES,
    GATEWAY,
    LIMITS,
    OWNER,
    STORE,
    Inbox,
    command,
    event,
)
from stowage_runtime.testing.eventually import eventually

HASTY = replace(LIMITS, confirm_seconds=0.05)


class FlakySink(ListSink):
    """Away for its first burials."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def bury(self, letter: DeadLetter) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("no database", code="database")
        await super().bury(letter)


async def _bus(sink: DeadLetterSink, limits: BusLimits = LIMITS) -> MemoryBus:
    bus = MemoryBus(MemoryBroker(sink, limits))
    for reader in (STORE, GATEWAY, CACHES):
        await bus.declare(reader)
    return bus


async def test_a_send_returns_only_when_every_reader_has_committed() -> None:
    bus = await _bus(ListSink())
    free, quick = asyncio.Event(), Inbox()

    async def slow(_envelope: Envelope) -> None:
        await free.wait()

    await bus.listen(GATEWAY, slow)
    await bus.listen(CACHES, quick)
    sending = asyncio.create_task(bus.send(event()))
    await quick.has(1)
    assert not sending.done()
    free.set()
    await sending
    await bus.close()


async def test_a_send_nobody_commits_is_unavailable_and_its_repeat_joins_it() -> None:
    bus = await _bus(ListSink(), HASTY)
    said = command()
    for _ in range(3):
        with pytest.raises(Unavailable, match=OWNER):
            await bus.send(said, to=OWNER)
    store = Inbox()
    await bus.listen(STORE, store)
    await bus.send(said, to=OWNER)
    assert store.ids == [said.id]
    await bus.close()


async def test_a_full_queue_refuses_more() -> None:
    bus = await _bus(ListSink(), replace(HASTY, queue_length=2))
    for _ in range(2):
        with pytest.raises(Unavailable, match="not yet committed"):
            await bus.send(command(), to=OWNER)
    with pytest.raises(Unavailable, match="full"):
        await bus.send(command(), to=OWNER)
    await bus.close()


async def test_readers_may_send_to_each_other_in_circles_through_their_outboxes() -> None:
    """Handlers only put words in an outbox; relays send them, each waiting for its own."""
    bus = await _bus(ListSink())
    outbox: asyncio.Queue[tuple[Envelope, str]] = asyncio.Queue()
    handled: list[str] = []

    async def handle(envelope: Envelope) -> None:
        handled.append(envelope.id)
        if len(handled) < 200:
            target = GATEWAY.name if len(handled) % 2 else STORE.name
            outbox.put_nowait((command("zone-1"), target))

    async def relay() -> None:
        while True:
            envelope, target = await outbox.get()
            await bus.send(envelope, to=target)

    await bus.listen(STORE, handle)
    await bus.listen(GATEWAY, handle)
    relaying = asyncio.create_task(relay())
    outbox.put_nowait((command("zone-1"), OWNER))
    await eventually(lambda: len(handled) == 200)
    relaying.cancel()
    await bus.close()


async def test_a_dead_letter_that_cannot_be_kept_is_tried_again() -> None:
    sink = FlakySink(1)
    bus = await _bus(sink)
    await bus.listen(STORE, Inbox(Rejected("no"), Rejected("no")))
    said = command()
    await bus.send(said, to=OWNER)
    assert [letter.id for letter in await sink.entries(OWNER, 10)] == [said.id]
    await bus.close()


async def test_what_a_reader_gets_is_what_json_keeps() -> None:
    bus = await _bus(ListSink())
    store = Inbox()
    await bus.listen(STORE, store)
    said = command()
    await bus.send(said, to=OWNER)
    assert store.got == [said]
    assert store.got[0].data is not said.data
    await bus.close()


@pytest.fixture
async def table(database_url: str) -> AsyncIterator[TableSink]:
    database = await Database.open(database_url, "graves", "stowage_runtime.testing")
    await database.migrate()
    yield TableSink(database)
    await database.close()


def _letter(queue: str, cause: str = "no") -> DeadLetter:
    return DeadLetter(id=new_id(), queue=queue, reason=Reason(code="c", cause=cause), body="{}")


async def test_the_list_keeps_finds_and_forgets() -> None:
    await _keeps_finds_and_forgets(ListSink())


async def test_the_table_keeps_finds_and_forgets(table: TableSink) -> None:
    await _keeps_finds_and_forgets(table)


async def _keeps_finds_and_forgets(sink: DeadLetterSink) -> None:
    first, second, third = _letter(OWNER), _letter("agent.h1"), _letter("agent.h2")
    for letter in (first, second, third):
        await sink.bury(letter)
    again = second.model_copy(update={"reason": Reason(code="c", cause="still no")})
    await sink.bury(again)
    assert await sink.entries(OWNER, 10) == [first]
    assert await sink.entries("hypervisor-agent", 10) == [again, third]
    assert await sink.entries("hypervisor-agent", 1) == [again]
    assert await sink.get("hypervisor-agent", second.id) == again
    assert await sink.get(OWNER, second.id) is None
    await sink.remove(second.queue, second.id)
    await sink.remove(second.queue, second.id)
    assert await sink.get("hypervisor-agent", second.id) is None


async def test_dead_letters_in_the_table_are_replayed_after_a_restart(table: TableSink) -> None:
    bus = await _bus(table)
    await bus.listen(STORE, Inbox(Rejected("no")))
    said = command()
    await bus.send(said, to=OWNER)
    await bus.close()
    bus = await _bus(table)
    store = Inbox()
    await bus.listen(STORE, store)
    assert await bus.dead_letters(OWNER).replay_all() == 1
    assert (await store.has(1))[0] == said

    async def forgotten() -> bool:
        return not await bus.dead_letters(OWNER).entries()

    await eventually(forgotten)
    await bus.close()
