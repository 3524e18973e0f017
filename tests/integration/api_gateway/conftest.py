"""api-gateway running on a real broker, which a test can take away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import (
    AddHost,
    AddStore,
    AddZone,
    ExplainPlacement,
    ListFindings,
    MakeLink,
    OpenUpload,
    PlanEvacuation,
    RevokeLink,
)
from stowage_contracts.topology import Topology
from stowage_runtime import keys
from stowage_runtime.bus import Reader
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.running import Running
from stowage_runtime.testing.bus_words import Inbox
from stowage_runtime.testing.eventually import eventually
from yarl import URL

from tests.servers.proxy import Proxy
from tests.unit.api_gateway.api import Api

ADMIN_KEY = "the-admin-key"
OWNER = Reader(
    "image-store",
    durable=(AddZone, AddStore, AddHost, RevokeLink),
    requests=(ExplainPlacement, ListFindings, MakeLink, OpenUpload, PlanEvacuation),
)
MOTION = Reader("data-motion", durable=(CancelCopy,))


@dataclass(frozen=True)
class Site:
    """The gateway, an owner's end of the bus, and the line between gateway and broker."""

    api: Api
    owner: Inbox
    peer: RabbitBus
    line: Proxy
    running: Running[Deps]


@pytest.fixture
async def line(rabbitmq_url: str) -> AsyncIterator[Proxy]:
    url = URL(rabbitmq_url)
    async with Proxy(url.host or "", url.port or 5672) as proxy:
        yield proxy


@pytest.fixture
def settings(
    database_url: str, rabbitmq_url: str, rabbitmq_management_url: str, bus_prefix: str, line: Proxy
) -> Settings:
    made = {name.removeprefix("stowage_"): text for name, text in keys.make().items()}
    through = URL(rabbitmq_url).with_host("127.0.0.1").with_port(line.port)
    return Settings.read(
        database_url=SecretStr(database_url),
        amqp_url=SecretStr(str(through)),
        agent_amqp_url=SecretStr(rabbitmq_url),
        bus_prefix=bus_prefix,
        http_port=0,
        amqp_management_url=SecretStr(rabbitmq_management_url),
        admin_api_key=SecretStr(ADMIN_KEY),
        stop_seconds=3,
        **made,
    )


@pytest.fixture
async def peer(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[RabbitBus]:
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix)).ready()
    for reader in (OWNER, MOTION):
        await bus.declare(reader)
    yield bus
    await bus.close()


@pytest.fixture
async def site(settings: Settings, peer: RabbitBus, line: Proxy) -> AsyncIterator[Site]:
    owner = Inbox()
    await peer.listen(OWNER, owner)
    url = settings.database_url.get_secret_value()
    database = await Database.open(url, "api_gateway", "api_gateway")
    await database.migrate()
    bus = RabbitBus(settings.amqp_url.get_secret_value(), Topology(settings.bus_prefix)).start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        stack.push_async_callback(bus.close)
        running = await stack.enter_async_context(Running(wire(settings), bus, database, settings))
        base = f"http://127.0.0.1:{running.http.port}"
        session = await stack.enter_async_context(aiohttp.ClientSession(base))
        await eventually(lambda: bus.connected)
        yield Site(Api(session, ADMIN_KEY), owner, peer, line, running)
