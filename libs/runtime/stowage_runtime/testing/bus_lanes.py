"""What every bus must do with requests and signals."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.hypervisor_agent import Heartbeat

from stowage_runtime.testing.bus_fixtures import BusFixtures, TestableBus
from stowage_runtime.testing.bus_words import (
    CACHE,
    CACHES,
    GATEWAY,
    OWNER,
    STORE,
    Inbox,
    answered,
    done_of,
    progress,
    question,
)
from stowage_runtime.testing.eventually import eventually


class LanesSuite(BusFixtures):
    """The two transient lanes."""

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
        with pytest.raises(Exception, match=r"ValueError at bus_\w+\.py") as caught:
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
        await eventually(lambda: bool(witness.got) and done_of(witness.got[-1]) == 24)
        heard = Inbox()
        await bus.hear(GATEWAY, heard)
        await heard.has(10)
        await bus.signal(progress(99))
        await heard.has(11)
        assert sorted(map(done_of, heard.got)) == [*range(15, 25), 99]

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
