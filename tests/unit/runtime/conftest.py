"""Fixtures of the runtime's unit tests: the toy service on a bench."""

from collections.abc import AsyncIterator

import pytest
from stowage_runtime.testing import ServiceBench

from tests.unit.runtime.toy import World, toy


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def bench(database_url: str, world: World) -> AsyncIterator[ServiceBench[World]]:
    async with ServiceBench.open(toy(world), database_url) as bench:
        yield bench
