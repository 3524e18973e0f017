"""What every bus must do; a bus's test file only gives the fixtures."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved, ReserveCache
from stowage_contracts.messages.data_motion import CopyProgressed, HopCommitFailed
from stowage_contracts.messages.hypervisor_agent import Heartbeat, ListHops, ObjectInspected
from stowage_contracts.messages.image_store import AddZone, CapacityWarning
from stowage_contracts.values import (
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    ServiceName,
    Transfer,
    new_id,
)

from stowage_runtime.bus import Bus, Reader, Rejected
from stowage_runtime.bus_limits import BusLimits
from stowage_runtime.dead_letters import DeadLetter, DeadLetters
from stowage_runtime.testing.eventually import eventually

LIMITS = BusLimits(
    ladder=(0.05, 0.1), deliveries=4, prefetch=20, parallel=4,
    confirm_seconds=5, connect_seconds=3, stop_seconds=1, signal_length=10,
)  # fmt: skip
OWNER, OTHER = ServiceName.IMAGE_STORE.value, ServiceName.API_GATEWAY.value
CACHE, MOTION = ServiceName.CACHE_AUTOSCALER.value, ServiceName.DATA_MOTION.value
STORE = Reader(OWNER, durable=(AddZone, ObjectInspected, HopCommitFailed))
GATEWAY = Reader(OTHER, durable=(CapacityWarning,), signals=(CopyProgressed, Heartbeat))
CACHES = Reader(
    CACHE, durable=(CapacityWarning,), requests=(ReserveCache,), signals=(CopyProgressed,)
)


class TestableBus(Bus, Protocol):
    """A bus and its dead letters."""

    def dead_letters(self, name: str) -> DeadLetters:
        """Those of one reader."""
        ...


class Inbox:
    """Remembers what was delivered; fails as told first."""

    def __init__(self, *failures: Exception) -> None:
        self.got: list[Envelope] = []
        self._failures = list(failures)

    async def __call__(self, envelope: Envelope) -> None:
        self.got.append(envelope)
        if self._failures:
            raise self._failures.pop(0)

    @property
    def ids(self) -> list[str]:
        return [envelope.id for envelope in self.got]

    async def has(self, count: int, seconds: float = 10) -> list[Envelope]:
        """Wait for that many deliveries."""
        await eventually(lambda: len(self.got) >= count, seconds)
        return self.got


def command(zone: str = "") -> Envelope:
    """A command for image-store."""
    return Envelope.of(AddZone(zone_id=zone or new_id(), name="zone"), source=OTHER)


def event(store: str = "") -> Envelope:
    """An event of image-store."""
    word = CapacityWarning(store_id=store or new_id(), used_bytes=9, total_bytes=10)
    return Envelope.of(word, source=OWNER)


def question() -> Envelope:
    """A request for cache-autoscaler."""
    word = ReserveCache(
        copy_id=new_id(), object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
        digest="md5:" + "0" * 32, size=1, format=ImageFormat.RAW, location=Location(),
        schemes=("file",),
    )  # fmt: skip
    return Envelope.of(word, source=MOTION)


def answered(asked: Envelope) -> Envelope:
    """The reply to ``question``."""
    word = CacheReserved(copy_id=asked.data["copy_id"], answer=CacheAnswer.NONE, reason="none")
    return Envelope.of(word, source=CACHE)


def progress(done: int = 0) -> Envelope:
    """A signal of data-motion."""
    word = CopyProgressed(copy_id="c1", state="running", transfer=Transfer(bytes_done=done))
    return Envelope.of(word, source=MOTION)


def _done(signal: Envelope) -> int:
    return int(signal.data["transfer"]["bytes_done"])


class BusSuite(ABC):
    """Subclasses give ``make`` (a connected bus with LIMITS) and ``admit`` (an agent's queue)."""

    @pytest.fixture
    @abstractmethod
    def make(self) -> Callable[[], Awaitable[TestableBus]]:
        """Makes connected buses on one broker, closed after the test."""

    @pytest.fixture
    @abstractmethod
    def admit(self) -> Callable[[str], Awaitable[None]]:
        """Makes an agent's queue."""

    @pytest.fixture
    async def bus(self, make: Callable[[], Awaitable[TestableBus]]) -> TestableBus:
        """A bus with the readers of this suite declared."""
        bus = await make()
        for reader in (STORE, GATEWAY, CACHES, STORE):
            await bus.declare(reader)
        return bus

    @pytest.fixture
    async def peer(self, make: Callable[[], Awaitable[TestableBus]]) -> TestableBus:
        """A second one."""
        return await make()

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

    async def test_a_failed_delivery_is_tried_again(self, bus: TestableBus) -> None:
        store = Inbox(ValueError("once"), KeyError("twice"))
        await bus.listen(STORE, store)
        said = command()
        await bus.send(said, to=OWNER)
        await store.has(3)
        assert store.ids == [said.id] * 3
        assert await bus.dead_letters(OWNER).entries() == []

    async def test_a_message_that_always_fails_is_buried_with_the_reason(
        self, bus: TestableBus
    ) -> None:
        fault = Conflict("it is not up", resource="zone/z", hint="bring it up", code="state")
        store = Inbox(*[fault] * 4)
        await bus.listen(STORE, store)
        said = command()
        await bus.send(said, to=OWNER)
        [dead] = await self._dead(bus, 1)
        assert store.ids == [said.id] * 4
        assert (dead.id, dead.type, dead.subject) == (said.id, "AddZone", said.subject)
        assert (dead.source, dead.attempts) == (OTHER, 4)
        reason = dead.reason
        assert (reason.code, reason.cause) == ("conflict.state", "it is not up")
        assert (reason.resource, reason.hint) == ("zone/z", "bring it up")

    async def test_the_text_of_an_unknown_exception_is_not_told(self, bus: TestableBus) -> None:
        await bus.listen(STORE, Inbox(*[ValueError("s3cret")] * 4))
        await bus.send(command(), to=OWNER)
        [dead] = await self._dead(bus, 1)
        assert dead.reason.code == "internal"
        assert dead.reason.cause.startswith("ValueError at bus_suite.py")
        assert "s3cret" not in dead.model_dump_json()

    async def test_a_rejected_message_is_buried_at_once_and_the_queue_goes_on(
        self, bus: TestableBus
    ) -> None:
        wrong = Rejected()
        wrong.__cause__ = InvalidInput("name: too long", resource="AddZone", code="malformed")
        store = Inbox(wrong)
        await bus.listen(STORE, store)
        first, second = command("zone-1"), command("zone-1")
        await bus.send(first, to=OWNER)
        await bus.send(second, to=OWNER)
        await store.has(2)
        [dead] = await self._dead(bus, 1)
        assert store.ids == [first.id, second.id]
        assert (dead.id, dead.reason.code) == (first.id, "invalid.malformed")
        assert dead.reason.cause == "name: too long"

    async def test_an_outage_of_the_reader_buries_nothing(self, bus: TestableBus) -> None:
        store = Inbox(*[Unavailable("no database", code="database")] * 6)
        await bus.listen(STORE, store)
        said = command()
        await bus.send(said, to=OWNER)
        await store.has(7)
        assert store.ids == [said.id] * 7
        assert await bus.dead_letters(OWNER).entries() == []

    async def test_a_replayed_dead_letter_is_delivered_again(self, bus: TestableBus) -> None:
        store = Inbox(Rejected("no"), Rejected("no"))
        await bus.listen(STORE, store)
        first, second = command(), command()
        await bus.send(first, to=OWNER)
        await bus.send(second, to=OWNER)
        await self._dead(bus, 2)
        dead = bus.dead_letters(OWNER)
        shown = await dead.show(second.id)
        assert Envelope.model_validate_json(shown.body) == second
        await dead.replay(second.id)
        await store.has(3)
        assert store.got[2] == second
        [left] = await self._dead(bus, 1)
        assert left.id == first.id
        assert await dead.replay_all() == 1
        await store.has(4)
        await self._dead(bus, 0)

    async def test_a_replayed_message_that_fails_again_is_still_there(
        self, bus: TestableBus
    ) -> None:
        store = Inbox(Rejected("no"), Rejected("still no"))
        await bus.listen(STORE, store)
        said = command()
        await bus.send(said, to=OWNER)
        await self._dead(bus, 1)
        await bus.dead_letters(OWNER).replay(said.id)
        await store.has(2)
        [dead] = await self._dead(bus, 1)
        await eventually(lambda: dead.id == said.id)
        assert await self._cause(bus, said.id) == "still no"

    async def test_an_unknown_dead_letter_is_not_found(self, bus: TestableBus) -> None:
        with pytest.raises(NotFound):
            await bus.dead_letters(OWNER).show("nothing")
        with pytest.raises(NotFound):
            await bus.dead_letters(OWNER).replay("nothing")

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

    async def test_a_request_is_answered(self, bus: TestableBus, peer: TestableBus) -> None:
        async def answer(asked: Envelope) -> Envelope:
            return answered(asked)

        await bus.serve(CACHES, answer)
        asked = [question() for _ in range(20)]
        replies: list[Message] = await asyncio.gather(
            *(peer.request(item, to=CACHE, seconds=10) for item in asked)
        )
        assert [getattr(reply, "copy_id", "") for reply in replies] == [
            item.data["copy_id"] for item in asked
        ]

    async def test_the_error_of_a_request_travels_back(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        async def answer(asked: Envelope) -> Envelope:
            raise Conflict("it drains", resource="store/s", hint="wait", code="draining")

        await bus.serve(CACHES, answer)
        with pytest.raises(Conflict, match="it drains") as caught:
            await peer.request(question(), to=CACHE, seconds=10)
        assert (caught.value.code, caught.value.resource) == ("conflict.draining", "store/s")
        assert caught.value.hint == "wait"

    async def test_an_unknown_error_of_a_request_tells_no_secret(
        self, bus: TestableBus, peer: TestableBus
    ) -> None:
        async def answer(asked: Envelope) -> Envelope:
            raise ValueError("s3cret")

        await bus.serve(CACHES, answer)
        with pytest.raises(Exception, match=r"ValueError at bus_suite\.py") as caught:
            await peer.request(question(), to=CACHE, seconds=10)
        assert "s3cret" not in str(caught.value)

    async def test_a_request_nobody_answers_ends_at_its_deadline(self, bus: TestableBus) -> None:
        with pytest.raises(Unavailable) as caught:
            await bus.request(question(), to=CACHE, seconds=0.2)
        assert caught.value.code == "unavailable.no_reply"
        with pytest.raises(Unavailable) as caught:
            await bus.request(question(), to=OWNER, seconds=5)
        assert caught.value.code == "unavailable.unroutable"

    async def test_signals_reach_their_reader(self, bus: TestableBus, peer: TestableBus) -> None:
        heard = Inbox()
        await bus.hear(GATEWAY, heard)
        await peer.signal(progress(7))
        await peer.signal(Envelope.of(Heartbeat(host_id="h1", boot_id="b1"), source="agent/h1"))
        await heard.has(2)
        assert {item.type for item in heard.got} == {"CopyProgressed", "Heartbeat"}

    async def test_the_oldest_signals_are_dropped(self, bus: TestableBus) -> None:
        witness = Inbox()
        await bus.hear(CACHES, witness)
        for done in range(25):
            await bus.signal(progress(done))
        await eventually(lambda: bool(witness.got) and _done(witness.got[-1]) == 24)
        heard = Inbox()
        await bus.hear(GATEWAY, heard)
        await heard.has(10)
        await bus.signal(progress(99))
        await heard.has(11)
        assert sorted(map(_done, heard.got)) == [*range(15, 25), 99]

    async def test_a_failing_signal_does_not_stop_the_next(self, bus: TestableBus) -> None:
        heard = Inbox(ValueError("ignored"))
        await bus.hear(GATEWAY, heard)
        await bus.signal(progress(1))
        await bus.signal(progress(2))
        await heard.has(2)

    async def test_a_signal_nobody_hears_is_dropped(
        self, make: Callable[[], Awaitable[TestableBus]]
    ) -> None:
        bus = await make()
        await bus.declare(STORE)
        await bus.signal(progress())
        assert bus.connected

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

    async def _dead(self, bus: TestableBus, count: int) -> list[DeadLetter]:
        letters = bus.dead_letters(OWNER)
        found: list[DeadLetter] = []

        async def look() -> bool:
            found[:] = await letters.entries()
            return len(found) == count

        await eventually(look)
        return found

    async def _cause(self, bus: TestableBus, id: str) -> str:
        return (await bus.dead_letters(OWNER).show(id)).reason.cause
