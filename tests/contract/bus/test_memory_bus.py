"""The in-process bus keeps the bus contract."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from stowage_runtime.bus.dead_letters import ListSink
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.testing.bus_suite import BusSuite
from stowage_runtime.testing.bus_words import LIMITS


class TestMemoryBus(BusSuite):
    """Memory."""

    @pytest.fixture
    async def broker(self) -> AsyncIterator[MemoryBroker]:
        broker = MemoryBroker(ListSink(), LIMITS)
        yield broker
        broker.close()

    @pytest.fixture
    async def make(self, broker: MemoryBroker) -> AsyncIterator[Callable[[], Awaitable[MemoryBus]]]:
        made: list[MemoryBus] = []

        async def make() -> MemoryBus:
            made.append(MemoryBus(broker))
            return made[-1]

        yield make
        for bus in made:
            await bus.close()

    @pytest.fixture
    def admit(self, broker: MemoryBroker) -> Callable[[str], Awaitable[None]]:
        async def admit(host_id: str) -> None:
            broker.admit(host_id)

        return admit
