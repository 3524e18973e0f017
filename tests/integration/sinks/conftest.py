"""The gateway on a real database, real receivers, and dispatchers that tests start and stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.feed import Feed
from api_gateway.settings import Settings
from api_gateway.sinks.bell import Bell
from api_gateway.sinks.dispatcher import Dispatcher, Needs
from pydantic import SecretStr
from stowage_runtime.testing.bench import ServiceBench

from tests.integration.sinks.receiver import Receiver, receiving
from tests.unit.api_gateway.conftest import ADMIN_KEY, api, made_keys, server

__all__ = ["api", "made_keys", "server"]
Bench = ServiceBench[Deps]
Gateways = Callable[..., AbstractAsyncContextManager[Dispatcher]]


@pytest.fixture
def settings(made_keys: dict[str, str], database_url: str) -> Settings:
    return Settings.read(
        database_url=SecretStr(database_url),
        admin_api_key=SecretStr(ADMIN_KEY),
        sink_allow=("127.0.0.0/8",),
        sinks_per_account=3,
        **made_keys,
    )


@pytest.fixture
async def bench(settings: Settings, database_url: str) -> AsyncIterator[Bench]:
    async with Bench.open(wire(settings), database_url) as bench:
        yield bench


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def other_receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def gateway(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateways]:
    """Starts a gateway's dispatcher; ``lease`` in seconds, ``mine`` for that which serves."""
    monkeypatch.setattr("api_gateway.sinks.delivering.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("api_gateway.sinks.delivering.LONGEST_PAUSE", 0.1)

    @asynccontextmanager
    async def start(*, lease: float = 5.0, mine: bool = True) -> AsyncIterator[Dispatcher]:
        deps = bench.service.deps
        feed = deps.feed if mine else Feed()
        bell = deps.sinks if mine else Bell()
        needs = Needs(feed, deps.cipher, deps.senders, bell)
        dispatcher = Dispatcher(needs, lambda: bench.desk, lease)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            dispatcher.stop()
            await asyncio.wait_for(task, 10)
            if not mine:
                await feed.close()

    yield start
    await bench.service.deps.feed.close()


@pytest.fixture
async def running(gateway: Gateways) -> AsyncIterator[Dispatcher]:
    """A dispatcher, running."""
    async with gateway() as found:
        yield found
