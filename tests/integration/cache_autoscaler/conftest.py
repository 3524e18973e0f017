"""cache-autoscaler on real RabbitMQ and PostgreSQL, with small real clients as its peers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cache_autoscaler.__main__ import wire
from cache_autoscaler.settings import Settings
from pydantic import SecretStr
from stowage_contracts.topology import Topology
from stowage_runtime import keys
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from stowage_runtime.database import Database
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.running import Running
from yarl import URL

from tests.integration.cache_autoscaler.peers import Cloud

Launch = Callable[[Settings], AbstractAsyncContextManager[Running[Any]]]
Start = Callable[[], AbstractAsyncContextManager[Running[Any]]]


@pytest.fixture
def made_keys() -> dict[str, str]:
    return keys.make()


@pytest.fixture
def settings(
    made_keys: dict[str, str], database_url: str, rabbitmq_url: str, bus_prefix: str
) -> Settings:
    names = {name.removeprefix("stowage_"): text for name, text in made_keys.items()}
    return Settings.read(
        database_url=SecretStr(database_url),
        amqp_url=SecretStr(rabbitmq_url),
        bus_prefix=bus_prefix,
        http_port=0,
        stop_seconds=2,
        cache_pin_seconds=5,
        **names,
    )


@pytest.fixture
def launch() -> Launch:
    """Starts an instance with these settings; leaving the context stops it."""

    @asynccontextmanager
    async def running(settings: Settings) -> AsyncIterator[Running[Any]]:
        service = wire(settings)
        url = settings.database_url.get_secret_value()
        database = await Database.open(url, "cache_autoscaler", "cache_autoscaler")
        await database.migrate()
        topology = Topology(settings.bus_prefix)
        bus = await RabbitBus(settings.amqp_url.get_secret_value(), topology).ready()
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
def start(settings: Settings, launch: Launch) -> Start:
    """Starts an instance; leaving the context stops it."""
    return lambda: launch(settings)


@pytest.fixture
async def cloud(
    rabbitmq_url: str,
    rabbitmq_management_url: str,
    bus_prefix: str,
    made_keys: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[Cloud]:
    """The other services on one bus, and host h1 with a broker user that may do little."""
    topology = Topology(bus_prefix)
    services = await RabbitBus(rabbitmq_url, topology).ready()
    cloud = Cloud(services, services, made_keys, tmp_path)
    await cloud.start()
    login = await BrokerUsers(URL(rabbitmq_management_url), topology).admit("h1")
    url = URL(rabbitmq_url).with_user(login.user).with_password(login.password.get_secret_value())
    cloud.agent = await RabbitBus(str(url), topology).ready()
    yield cloud
    await cloud.agent.close()
    await services.close()
