"""A cloud on a real RabbitMQ, and agents as processes that can be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from yarl import URL

from tests.failure.agent.processes import AgentProcess, Spawn
from tests.integration.hypervisor_agent.cloud import HOST, Cloud


@pytest.fixture
async def cloud(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Cloud]:
    bus = await RabbitBus(rabbitmq_url, Topology(bus_prefix)).ready()
    cloud = Cloud(bus)
    await cloud.open()
    yield cloud
    await bus.close()


@pytest.fixture
async def amqp_url(
    cloud: Cloud, rabbitmq_url: str, rabbitmq_management_url: str, bus_prefix: str
) -> SecretStr:
    """Of a broker user that may do what an agent may, and nothing else."""
    login = await BrokerUsers(URL(rabbitmq_management_url), Topology(bus_prefix)).admit(HOST)
    url = URL(rabbitmq_url).with_user(login.user)
    return SecretStr(str(url.with_password(login.password.get_secret_value())))


@pytest.fixture
def spawn(cloud: Cloud, amqp_url: SecretStr, bus_prefix: str, tmp_path: Path) -> Iterator[Spawn]:
    """Starts agent processes of the one host; all are ended with the test."""
    given = amqp_url.get_secret_value()
    with ExitStack() as alive:

        def start(pool: Path, amqp_url: str = "", **environment: str) -> AgentProcess:
            identity = cloud.identity(amqp_url or given, bus_prefix)
            agent = AgentProcess(identity, tmp_path / "state", pool, environment)
            alive.callback(agent.kill)
            return agent

        yield start


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pool"
    folder.mkdir()
    return folder
