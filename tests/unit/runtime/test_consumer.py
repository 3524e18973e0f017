"""The consumer: a message changes the service exactly once, or is refused with a reason."""

import asyncpg
import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.messages.hypervisor_agent import Heartbeat
from stowage_contracts.messages.image_store import (
    AddZone,
    GrantRedeemed,
    RedeemGrant,
    RemoveStore,
    ZoneAdded,
)
from stowage_contracts.views import ZoneView
from stowage_runtime.bus import Rejected
from stowage_runtime.testing import ServiceBench

from tests.unit.runtime.toy import World

Bench = ServiceBench[World]
ZONE = AddZone(zone_id="z1", name="first")


async def names(bench: Bench) -> list[str]:
    async with bench.tx() as tx:
        return [row["name"] for row in await tx.rows("zones")]


async def test_what_a_handler_changed_and_said_is_committed_together(bench: Bench) -> None:
    said = await bench.handle(ZONE)

    assert said == [ZoneAdded(state=ZoneView(id="z1", name="first"))]
    assert await names(bench) == ["first"]


async def test_a_failing_handler_leaves_nothing_behind(bench: Bench, world: World) -> None:
    world.faults = [Conflict("not now")]

    with pytest.raises(Conflict):
        await bench.handle(ZONE, id="m1")

    assert await names(bench) == []
    assert await bench.said() == []
    assert await bench.handle(ZONE, id="m1") != []


async def test_a_second_delivery_has_no_effect(bench: Bench, world: World) -> None:
    await bench.handle(ZONE, id="m1")

    assert await bench.handle(ZONE, id="m1") == []
    assert world.handled == 1


async def test_equal_ids_of_different_sources_are_different_messages(
    bench: Bench, world: World
) -> None:
    await bench.handle(ZONE, id="m1", source="api-gateway")
    await bench.handle(ZONE, id="m1", source="agent/h1")

    assert world.handled == 2


async def test_a_collision_is_run_again_in_place(bench: Bench, world: World) -> None:
    world.faults = [asyncpg.DeadlockDetectedError(), asyncpg.SerializationError()]

    await bench.handle(ZONE)

    assert world.handled == 3
    assert len(await bench.said()) == 1


async def test_an_unknown_message_is_rejected_with_its_reason(bench: Bench) -> None:
    unknown = Envelope(source="api-gateway", type="Explode", subject="zone/z1", data={})

    with pytest.raises(Rejected) as caught:
        await bench.consumer.deliver(unknown)

    assert isinstance(caught.value.__cause__, InvalidInput)
    assert caught.value.__cause__.code == "invalid.unknown_message"


async def test_malformed_data_is_rejected_naming_the_field(bench: Bench) -> None:
    bad = Envelope(source="api-gateway", type="AddZone", subject="zone/z1", data={"name": "x"})

    with pytest.raises(Rejected, match="zone_id"):
        await bench.consumer.deliver(bad)


async def test_a_message_this_service_does_not_handle_is_rejected(bench: Bench) -> None:
    with pytest.raises(Rejected, match="nobody here handles RemoveStore"):
        await bench.handle(RemoveStore(store_id="s1"))


async def test_what_the_handler_calls_invalid_is_rejected(bench: Bench, world: World) -> None:
    world.faults = [InvalidInput("a zone has a shorter name")]

    with pytest.raises(Rejected, match="shorter name"):
        await bench.handle(ZONE)


async def test_text_that_cannot_be_stored_is_rejected(bench: Bench) -> None:
    with pytest.raises(Rejected, match="NUL"):
        await bench.handle(AddZone(zone_id="z1", name="bad\0name"))


async def test_what_is_not_there_yet_is_left_to_the_bus_to_retry(
    bench: Bench, world: World
) -> None:
    world.faults = [NotFound("no such pod yet")]

    with pytest.raises(NotFound):
        await bench.handle(ZONE)


async def test_a_signal_changes_state_without_inbox(bench: Bench) -> None:
    beat = Heartbeat(host_id="h1", boot_id="b1")

    await bench.hear(beat)
    await bench.hear(beat)

    async with bench.tx() as tx:
        assert len(await tx.rows("beats")) == 2


async def test_a_request_is_answered_from_committed_state(bench: Bench) -> None:
    await bench.handle(ZONE)

    reply = await bench.ask(RedeemGrant(grant_id="g1", ticket="t"))

    assert isinstance(reply, GrantRedeemed)
    assert reply.grant.size == 1


async def test_an_error_of_a_request_handler_travels_back(bench: Bench, world: World) -> None:
    world.faults = [NotFound("no such grant", resource="grant/g1")]

    with pytest.raises(NotFound, match="no such grant"):
        await bench.ask(RedeemGrant(grant_id="g1", ticket="t"))


async def test_a_request_that_collided_is_answered_all_the_same(bench: Bench, world: World) -> None:
    world.faults = [asyncpg.DeadlockDetectedError(), asyncpg.SerializationError()]

    assert isinstance(await bench.ask(RedeemGrant(grant_id="g1", ticket="t")), GrantRedeemed)
    assert world.faults == []
