"""A running service hears, says, serves and stops in order, on either bus."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.hypervisor_agent import Heartbeat
from stowage_contracts.messages.image_store import AddPod, AddZone, PodAdded, RedeemGrant, ZoneAdded
from stowage_contracts.topology import Topology
from stowage_contracts.views import ZoneView
from stowage_runtime.bus import Reader
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.handling.tx import Tx
from stowage_runtime.running import Running
from stowage_runtime.settings import ServiceSettings

from tests.integration.running.conftest import Buses, get, until
from tests.unit.runtime.toy import NAME, PACKAGE, World, toy

READER = Reader("data-motion", (ZoneAdded, PodAdded))


@pytest.fixture
def world() -> World:
    return World()


def command(message: AddZone | AddPod) -> Envelope:
    return Envelope.of(message, source="api-gateway", traceparent=TRACE)


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def hearing(buses: Buses) -> list[Envelope]:
    """What data-motion hears from now on."""
    heard: list[Envelope] = []

    async def deliver(envelope: Envelope) -> None:
        heard.append(envelope)

    await buses.theirs.declare(READER)
    await buses.theirs.listen(READER, deliver)
    return heard


async def rows(database: Database, query: str) -> list[Any]:
    return await database.fetch(query)


async def test_a_command_becomes_an_event_of_the_same_conversation_and_trace(
    buses: Buses, database: Database, settings: ServiceSettings, world: World
) -> None:
    heard = await hearing(buses)
    async with Running(toy(world), buses.ours, database, settings) as running:
        await until(lambda: joined(buses))
        said = command(AddPod(pod_id="p1", zone_id="z1", name="pod"))
        await buses.theirs.send(said, to=NAME)
        await until(lambda: _any(heard))
        assert running.http.port != 0
    event = heard[0]
    assert (event.type, event.causationid, event.correlationid) == ("PodAdded", said.id, said.id)
    assert event.traceparent.split("-")[1] == TRACE.split("-")[1]


async def test_questions_and_signals_are_answered_and_heard(
    buses: Buses, database: Database, settings: ServiceSettings, world: World
) -> None:
    async with Running(toy(world), buses.ours, database, settings):
        await until(lambda: joined(buses))
        beat = Heartbeat(host_id="h1", boot_id="b1")
        await until(lambda: _beaten(buses, beat, database))


async def test_it_serves_health_metrics_and_its_description(
    buses: Buses, database: Database, settings: ServiceSettings, world: World
) -> None:
    async with Running(toy(world), buses.ours, database, settings) as running:
        assert await get(running.http.port, "/healthz") == (200, {"alive": True, "stopped": []})
        await until(lambda: _ready(running.http.port))
        assert len((await get(running.http.port, "/readyz"))[1]["checks"]) == 2
        assert (await get(running.http.port, "/openapi.json"))[1]["openapi"] == "3.1.0"
        assert (await get(running.http.port, "/metrics"))[0] == 200


@pytest.mark.parametrize(("patient", "status"), [(True, 200), (False, 503)])
async def test_without_a_broker_it_serves_and_says_whether_it_is_ready(
    database: Database, settings: ServiceSettings, patient: bool, status: int
) -> None:
    bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/", Topology("nobody")).start()
    service = replace(toy(), ready_without_bus=patient)
    async with Running(service, bus, database, settings) as running:
        found, told = await get(running.http.port, "/readyz")
    await bus.close()
    assert found == status
    assert [check["ok"] for check in told["checks"]] == [True, False]


async def test_stopping_lets_an_intent_that_runs_finish(
    buses: Buses, database: Database, settings: ServiceSettings, world: World
) -> None:
    world.open.clear()
    async with Running(toy(world), buses.ours, database, settings):
        await until(lambda: joined(buses))
        await buses.theirs.send(command(AddPod(pod_id="p1", zone_id="z1", name="pod")), to=NAME)
        await until(lambda: _any(world.surveyed))
        asyncio.get_running_loop().call_later(0.2, world.open.set)
    assert [row["name"] for row in await rows(database, "pods")] == ["pod"]


async def test_stopping_hands_back_an_intent_that_does_not_finish_in_time(
    buses: Buses, database: Database, world: World
) -> None:
    world.open.clear()
    settings = ServiceSettings.read(http_port=0, stop_seconds=0.3)
    async with Running(toy(world), buses.ours, database, settings):
        await until(lambda: joined(buses))
        await buses.theirs.send(command(AddPod(pod_id="p1", zone_id="z1", name="pod")), to=NAME)
        await until(lambda: _any(world.surveyed))
    assert await rows(database, "pods") == []
    async with database.connection() as connection:
        left = await connection.fetchrow("SELECT owner, leased_until FROM intents")
    assert left is not None
    assert left["owner"] in ("", None)


async def test_what_was_said_just_before_stopping_is_still_sent(
    buses: Buses, database: Database, settings: ServiceSettings, world: World
) -> None:
    heard = await hearing(buses)
    async with Running(toy(world), buses.ours, database, settings) as running:
        await until(lambda: joined(buses))
        async with running.transactions.begin() as tx:
            await _say_zone(tx)
    await until(lambda: _any(heard))


async def test_a_database_that_is_not_migrated_is_refused_with_a_hint(
    buses: Buses, database_url: str, settings: ServiceSettings
) -> None:
    database = await Database.open(database_url, "toy", PACKAGE)
    try:
        with pytest.raises(Conflict) as caught:
            async with Running(toy(), buses.ours, database, settings):
                pass
    finally:
        await database.close()
    assert "migrate" in caught.value.hint


async def test_it_migrates_on_start_when_told_to(buses: Buses, database_url: str) -> None:
    database = await Database.open(database_url, "toy", PACKAGE)
    settings = ServiceSettings.read(http_port=0, migrate_on_start=True)
    async with Running(toy(), buses.ours, database, settings):
        assert await database.pending() == []
    await database.close()


async def test_a_port_that_is_taken_is_an_error_and_nothing_is_left_running(
    buses: Buses, database: Database, settings: ServiceSettings
) -> None:
    before = asyncio.all_tasks()
    async with Running(toy(), buses.ours, database, settings) as first:
        taken = settings.model_copy(update={"http_port": first.http.port})
        service = toy()
        with pytest.raises(Conflict, match="cannot listen"):
            async with Running(service, buses.ours, database, taken):
                pass
    await until(lambda: _none(asyncio.all_tasks() - before))


async def joined(buses: Buses) -> bool:
    """Whether the toy answers questions, the last lane it joins."""
    ask = RedeemGrant(grant_id="g1", ticket=SecretStr("t"))
    try:
        await buses.theirs.request(Envelope.of(ask, source="agent/h1"), to=NAME, seconds=1)
    except Exception:
        return False
    return True


async def _ready(port: int) -> bool:
    return (await get(port, "/readyz"))[0] == 200


async def _any(found: list[Any]) -> bool:
    return bool(found)


async def _none(found: set[Any]) -> bool:
    return not found


async def _beaten(buses: Buses, beat: Heartbeat, database: Database) -> bool:
    await buses.theirs.signal(Envelope.of(beat, source="agent/h1"))
    return bool(await rows(database, "beats"))


async def _say_zone(tx: Tx) -> None:
    await tx.say(ZoneAdded(state=ZoneView(id="z9", name="late")))
