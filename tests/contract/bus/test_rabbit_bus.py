"""The bus on RabbitMQ keeps the bus contract."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from stowage_runtime.testing.bus_suite import BusSuite
from stowage_runtime.testing.bus_words import LIMITS
from yarl import URL


class TestRabbitBus(BusSuite):
    """RabbitMQ."""

    @pytest.fixture
    async def make(
        self, rabbitmq_url: str, bus_prefix: str
    ) -> AsyncIterator[Callable[[], Awaitable[RabbitBus]]]:
        made: list[RabbitBus] = []

        async def make() -> RabbitBus:
            made.append(RabbitBus(rabbitmq_url, Topology(bus_prefix), LIMITS))
            return await made[-1].ready()

        yield make
        for bus in made:
            await bus.close()

    @pytest.fixture
    def admit(
        self, rabbitmq_management_url: str, bus_prefix: str
    ) -> Callable[[str], Awaitable[None]]:
        users = BrokerUsers(URL(rabbitmq_management_url), Topology(bus_prefix), limits=LIMITS)

        async def admit(host_id: str) -> None:
            await users.admit(host_id)

        return admit
