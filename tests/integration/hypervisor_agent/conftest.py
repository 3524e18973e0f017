"""A cloud on the in-process bus and the agent's own connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from stowage_runtime.bus import Bus
from stowage_runtime.bus.dead_letters import ListSink
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker

from tests.integration.hypervisor_agent.cloud import HOST, Cloud


@pytest.fixture
async def broker() -> AsyncIterator[MemoryBroker]:
    broker = MemoryBroker(ListSink(), BusLimits())
    yield broker
    broker.close()


@pytest.fixture
async def cloud(broker: MemoryBroker) -> AsyncIterator[Cloud]:
    bus = MemoryBus(broker)
    cloud = Cloud(bus)
    await cloud.open()
    broker.admit(HOST)
    yield cloud
    await bus.close()


@pytest.fixture
async def agent_bus(broker: MemoryBroker, cloud: Cloud) -> AsyncIterator[Bus]:
    bus = MemoryBus(broker)
    yield bus
    await bus.close()


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    folder = tmp_path / "pool"
    folder.mkdir()
    return folder
