"""What every bus must do with commands, events and reports."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, NotFound, Unavailable
from stowage_contracts.messages.data_motion import HopCommitFailed
from stowage_contracts.messages.hypervisor_agent import ListHops, ObjectInspected

from stowage_runtime.bus import Reader
from stowage_runtime.testing.bus_fixtures import BusFixtures, TestableBus
from stowage_runtime.testing.bus_words import (
    CACHE,
    CACHES,
    GATEWAY,
    MOTION,
    OWNER,
    STORE,
    Inbox,
    command,
    event,
)
from stowage_runtime.testing.eventually import eventually


class DurableSuite(BusFixtures):
    """The durable lane."""

    async def test_a_command_reaches_only_its_address(self, bus: TestableBus) -> None:
        store, gateway = Inbox(), Inbox()
        await bus.listen(STORE, store)
        await bus.listen(GATEWAY, gateway)
        await bus.listen(CACHES, Inbox())
        said = command()
        await bus.send(said, to=OWNER)
        await store.has(1)
        await bus.send(event())
        await gateway.has(1)
        assert store.got == [said]
        assert gateway.got[0].type == "CapacityWarning"

    async def test_an_event_reaches_every_reader(self, bus: TestableBus) -> None:
        gateway, caches = Inbox(), Inbox()
        await bus.listen(GATEWAY, gateway)
        await bus.listen(CACHES, caches)
        said = event()
        await bus.send(said)
        assert await gateway.has(1) == await caches.has(1) == [said]

    async def test_an_agent_hears_commands_and_says_reports(
        self, bus: TestableBus, peer: TestableBus, admit: Callable[[str], Awaitable[None]]
    ) -> None:
        await admit("h1")
        agent, store = Inbox(), Inbox()
        await peer.declare(Reader("agent.h1", durable=(ListHops,)))
        await peer.listen(Reader("agent.h1", durable=(ListHops,)), agent)
        await bus.listen(STORE, store)
        await bus.send(Envelope.of(ListHops(host_id="h1", live=()), source=MOTION), to="agent.h1")
        await agent.has(1)
        report = ObjectInspected(host_id="h1", inspection_id="i1")
        await peer.send(Envelope.of(report, source="agent/h1"))
        assert (await store.has(1))[0].message() == report

    async def test_a_shared_event_is_heard_from_agents_too(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        store = Inbox()
        await bus.listen(STORE, store)
        word = HopCommitFailed(hop_id="h", copy_id="c", epoch=1, error=NotFound("gone").problem)
        await peer.send(Envelope.of(word, source="agent/h1"))
        await peer.send(Envelope.of(word, source=CACHE))
        await store.has(2)
        assert {item.source for item in store.got} == {"agent/h1", CACHE}

    async def test_an_agent_without_a_queue_cannot_listen(self, bus: TestableBus) -> None:
        with pytest.raises(Unavailable, match=r"queue|h9"):
            await bus.listen(Reader("agent.h9", durable=(ListHops,)), Inbox())

    async def test_consumers_of_one_reader_compete(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        first, second = Inbox(), Inbox()
        await bus.listen(STORE, first)
        await peer.listen(STORE, second)
        said = [command() for _ in range(60)]
        await asyncio.gather(*(bus.send(item, to=OWNER) for item in said))
        await eventually(lambda: len(first.got) + len(second.got) == 60)
        assert sorted(first.ids + second.ids) == sorted(item.id for item in said)
        assert first.got
        assert second.got

    async def test_messages_of_one_subject_keep_their_order(self, bus: TestableBus) -> None:
        store = Inbox()
        await bus.listen(STORE, store)
        said = [command("zone-1") for _ in range(40)]
        for item in said:
            await bus.send(item, to=OWNER)
        await store.has(40)
        assert store.ids == [item.id for item in said]

    async def test_subjects_do_not_wait_for_each_other(self, bus: TestableBus) -> None:
        free, done = asyncio.Event(), []

        async def deliver(envelope: Envelope) -> None:
            if envelope.subject == "zone/slow":
                await free.wait()
            done.append(envelope.subject)

        await bus.listen(STORE, deliver)
        slow = asyncio.create_task(bus.send(command("slow"), to=OWNER))
        await bus.send(command("quick"), to=OWNER)
        await eventually(lambda: done == ["zone/quick"])
        free.set()
        await slow
        await eventually(lambda: done == ["zone/quick", "zone/slow"])

    async def test_a_mandatory_message_without_a_queue_is_refused(
        self, make: Callable[[], Awaitable[TestableBus]]
    ) -> None:
        bus = await make()
        await bus.declare(GATEWAY)
        with pytest.raises(Unavailable) as caught:
            await bus.send(command(), to=OWNER)
        assert caught.value.code == "unavailable.unroutable"
        word = HopCommitFailed(hop_id="h", copy_id="c", epoch=1, error=NotFound("x").problem)
        await bus.send(Envelope.of(word, source=CACHE), mandatory=False)

    async def test_a_command_needs_an_address_and_a_known_type(self, bus: TestableBus) -> None:
        with pytest.raises(InvalidInput, match="address"):
            await bus.send(command())
        with pytest.raises(InvalidInput, match="unknown message type"):
            await bus.send(command().model_copy(update={"type": "Nonsense"}), to=OWNER)

    async def test_pause_finishes_what_runs_and_hands_back_the_rest(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        begun, free, finished = asyncio.Event(), asyncio.Event(), []

        async def deliver(envelope: Envelope) -> None:
            begun.set()
            await free.wait()
            finished.append(envelope.id)

        await bus.listen(STORE, deliver)
        said = [command("zone-1") for _ in range(5)]
        sending = [asyncio.create_task(peer.send(item, to=OWNER)) for item in said]
        await asyncio.wait_for(begun.wait(), 10)
        pausing = asyncio.create_task(bus.pause())
        await asyncio.sleep(0)
        free.set()
        await pausing
        assert len(finished) == 1
        other = Inbox()
        await peer.listen(STORE, other)
        await asyncio.gather(*sending)
        await other.has(4)
        assert sorted(finished + other.ids) == sorted(item.id for item in said)

    async def test_a_handler_that_does_not_end_is_cancelled_and_its_message_kept(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        begun = asyncio.Event()

        async def deliver(envelope: Envelope) -> None:
            begun.set()
            await asyncio.Event().wait()

        await bus.listen(STORE, deliver)
        said = command()
        sending = asyncio.create_task(peer.send(said, to=OWNER))
        await asyncio.wait_for(begun.wait(), 10)
        await asyncio.wait_for(bus.pause(), 10)
        other = Inbox()
        await peer.listen(STORE, other)
        await sending
        assert (await other.has(1))[0].id == said.id

    async def test_many_senders_lose_nothing(self, bus: TestableBus, peer: TestableBus) -> None:
        store = Inbox()
        await bus.listen(STORE, store)
        said = [command(f"zone-{number % 50}") for number in range(1000)]
        await asyncio.gather(*(peer.send(item, to=OWNER) for item in said))
        await store.has(1000, 30)
        assert sorted(store.ids) == sorted(item.id for item in said)

    async def test_a_closed_bus_is_not_connected(self, bus: TestableBus) -> None:
        assert bus.connected
        await bus.close()
        await bus.close()
        assert not bus.connected
