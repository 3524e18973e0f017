"""data-motion running on real RabbitMQ and PostgreSQL, with small real clients as its peers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from data_motion.__main__ import wire
from data_motion.settings import Settings
from pydantic import SecretStr
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.topology import Topology
from stowage_runtime import keys
from stowage_runtime.bus import builtin_readers
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from stowage_runtime.database import Database
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.running import Running
from yarl import URL

from tests.integration.data_motion.peers import Agent, Behave, Owner, work

Start = Callable[[], Any]
MakeAgent = Callable[..., Awaitable[Agent]]


@pytest.fixture
def settings(database_url: str, rabbitmq_url: str, bus_prefix: str) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        amqp_url=SecretStr(rabbitmq_url),
        bus_prefix=bus_prefix,
        http_port=0,
        stop_seconds=2,
        lease_seconds=5,
        offer_seconds=3,
        ticket_signing_key=SecretStr(keys.make()["stowage_ticket_signing_key"]),
    )


@pytest.fixture
async def owner(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Owner]:
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix)).ready()
    found = Owner(bus)
    for reader in (*builtin_readers(), found.reader):
        await bus.declare(reader)
    yield await found.start()
    await bus.close()


@pytest.fixture
def start(settings: Settings, owner: Owner) -> Start:
    """Starts an instance of data-motion; leaving the context stops it."""

    @asynccontextmanager
    async def running() -> AsyncIterator[Running[Any]]:
        service = wire(settings)
        database = await Database.open(
            settings.database_url.get_secret_value(), "data_motion", "data_motion"
        )
        await database.migrate()
        bus = await RabbitBus(
            settings.amqp_url.get_secret_value(), Topology(settings.bus_prefix)
        ).ready()
        running = Running(service, bus, database, settings)
        await bus.declare(Consumer(service, running.transactions).reader)
        try:
            async with running:
                yield running
        finally:
            await bus.close()
            await database.close()

    return running


@pytest.fixture
async def agent(
    rabbitmq_url: str, rabbitmq_management_url: str, bus_prefix: str
) -> AsyncIterator[MakeAgent]:
    """Makes agents, each with a broker user that may do no more than an agent may."""
    users = BrokerUsers(URL(rabbitmq_management_url), Topology(bus_prefix))
    async with AsyncExitStack() as stack:

        async def make(view: AgentView, behave: Behave = work) -> Agent:
            login = await users.admit(view.host_id)
            url = URL(rabbitmq_url).with_user(login.user)
            url = url.with_password(login.password.get_secret_value())
            bus = await RabbitBus(str(url), Topology(bus_prefix)).ready()
            made = Agent(bus, view, behave)
            stack.push_async_callback(made.die)
            return await made.start()

        yield make
