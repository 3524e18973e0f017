"""From an owner's word on a real broker to a webhook, through two gateways at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_contracts.envelope import Envelope
from stowage_contracts.topology import Topology
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.running import Running
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.receiver import Receiver
from tests.integration.sinks.test_webhooks import hook
from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.conftest import ADMIN_KEY

ZONES, EVENTS = 5, 40


@dataclass
class Site:
    """Two gateways, and an owner's end of the bus."""

    api: Api
    owner: RabbitBus
    buses: list[RabbitBus]
    gateways: list[Running[Deps]]


@pytest.fixture
async def site(
    made_keys: dict[str, str], database_url: str, rabbitmq_url: str, bus_prefix: str
) -> AsyncIterator[Site]:
    settings = Settings.read(
        database_url=SecretStr(database_url),
        amqp_url=SecretStr(rabbitmq_url),
        bus_prefix=bus_prefix,
        http_port=0,
        admin_api_key=SecretStr(ADMIN_KEY),
        sink_allow=("127.0.0.0/8",),
        stop_seconds=3,
        migrate_on_start=True,
        **made_keys,
    )
    async with AsyncExitStack() as stack:
        owner = await RabbitBus(rabbitmq_url, Topology(bus_prefix)).ready()
        stack.push_async_callback(owner.close)
        buses, gateways = [], []
        for _ in range(2):
            database = await Database.open(database_url, "api_gateway", "api_gateway")
            stack.push_async_callback(database.close)
            # few at a time, so that both are given some of every subject
            bus = RabbitBus(rabbitmq_url, Topology(bus_prefix), BusLimits(prefetch=3)).start()
            stack.push_async_callback(bus.close)
            running = Running(wire(settings), bus, database, settings)
            gateways.append(await stack.enter_async_context(running))
            buses.append(bus)
        base = f"http://127.0.0.1:{gateways[0].http.port}"
        session = await stack.enter_async_context(aiohttp.ClientSession(base))
        yield Site(Api(session, ADMIN_KEY), owner, buses, gateways)


def said(zone: int, number: int) -> Envelope:
    message = words.zone(f"z{zone}", f"n{number}")
    return Envelope.of(message, source="image-store", sequence=number, number=number)


async def joined(site: Site) -> None:
    """Once both hear."""
    await eventually(lambda: all(each._listening.joined for each in site.gateways), 20)


async def test_every_event_arrives_in_order_while_a_gateway_goes_away(
    site: Site, receiver: Receiver
) -> None:
    await joined(site)
    refusals = iter(([200] * 30 + [500]) * 4)
    receiver.judge = lambda told: next(refusals, 200)
    await hook(site.api, receiver, rate=10_000, nouns=["zone"])
    half = EVENTS // 2
    for number in range(1, half + 1):
        await asyncio.gather(*(site.owner.send(said(zone, number)) for zone in range(ZONES)))
    await site.buses[1]._link._drop()  # its deliveries come again, to either, behind later ones
    for number in range(half + 1, EVENTS + 1):
        await asyncio.gather(*(site.owner.send(said(zone, number)) for zone in range(ZONES)))
    await receiver.has(ZONES * EVENTS, 30)
    receiver.check_order()
    async with site.api.events("?after=0-0") as events:
        seen = [await events.next() for _ in range(ZONES * EVENTS)]
    for zone in range(ZONES):
        mine = [told["sequence"] for told in seen if told["id"] == f"z{zone}"]
        assert mine == [*range(1, EVENTS + 1)]
