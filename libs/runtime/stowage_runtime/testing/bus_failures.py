"""What every bus must do with messages that fail."""

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, Unavailable

from stowage_runtime.bus import Rejected
from stowage_runtime.testing.bus_fixtures import BusFixtures, TestableBus
from stowage_runtime.testing.bus_words import OTHER, OWNER, STORE, Inbox, command
from stowage_runtime.testing.eventually import eventually


class FailureSuite(BusFixtures):
    """The retry ladder and dead letters."""

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
        [dead] = await self.dead(bus, 1)
        assert store.ids == [said.id] * 4
        assert (dead.id, dead.type, dead.subject) == (said.id, "AddZone", said.subject)
        assert (dead.source, dead.attempts) == (OTHER, 4)
        reason = dead.reason
        assert (reason.code, reason.cause) == ("conflict.state", "it is not up")
        assert (reason.resource, reason.hint) == ("zone/z", "bring it up")

    async def test_the_text_of_an_unknown_exception_is_not_told(self, bus: TestableBus) -> None:
        await bus.listen(STORE, Inbox(*[ValueError("s3cret")] * 4))
        await bus.send(command(), to=OWNER)
        [dead] = await self.dead(bus, 1)
        assert dead.reason.code == "internal"
        assert dead.reason.cause.startswith("ValueError at bus_")
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
        [dead] = await self.dead(bus, 1)
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
        await self.dead(bus, 2)
        dead = bus.dead_letters(OWNER)
        shown = await dead.show(second.id)
        assert Envelope.model_validate_json(shown.body) == second
        await dead.replay(second.id)
        await store.has(3)
        assert store.got[2] == second
        [left] = await self.dead(bus, 1)
        assert left.id == first.id
        assert await dead.replay_all() == 1
        await store.has(4)
        await self.dead(bus, 0)

    async def test_a_replayed_message_that_fails_again_is_still_there(
        self, bus: TestableBus
    ) -> None:
        store = Inbox(Rejected("no"), Rejected("still no"))
        await bus.listen(STORE, store)
        said = command()
        await bus.send(said, to=OWNER)
        await self.dead(bus, 1)
        await bus.dead_letters(OWNER).replay(said.id)
        await store.has(2)
        [dead] = await self.dead(bus, 1)
        await eventually(lambda: dead.id == said.id)
        assert await self.cause(bus, said.id) == "still no"

    async def test_an_unknown_dead_letter_is_not_found(self, bus: TestableBus) -> None:
        with pytest.raises(NotFound):
            await bus.dead_letters(OWNER).show("nothing")
        with pytest.raises(NotFound):
            await bus.dead_letters(OWNER).replay("nothing")
