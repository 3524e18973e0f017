"""api-gateway on a real database, served over real HTTP; nobody is at the bus's other end."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_runtime import keys
from stowage_runtime.http.server import HttpLimits, HttpServer, Surface
from stowage_runtime.testing.bench import ServiceBench

from tests.servers.databases import KeptDatabase
from tests.unit.api_gateway.api import Api

ADMIN_KEY = "the-admin-key"


@pytest.fixture
async def database_url(kept_database: KeptDatabase) -> str:
    """A database whose tables are as after their migrations."""
    return await kept_database.fresh()


@pytest.fixture(scope="session")
def made_keys() -> dict[str, str]:
    return {name.removeprefix("stowage_"): text for name, text in keys.make().items()}


@pytest.fixture
def settings(made_keys: dict[str, str], database_url: str) -> Settings:
    return Settings.read(
        database_url=SecretStr(database_url),
        admin_api_key=SecretStr(ADMIN_KEY),
        admin_secret_key=SecretStr("the-admin-secret"),
        **made_keys,
    )


@pytest.fixture
async def bench(settings: Settings, database_url: str) -> AsyncIterator[ServiceBench[Deps]]:
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield bench


def surface(bench: ServiceBench[Deps]) -> Surface[Deps]:
    """What the bench's service serves."""
    service = bench.service
    return Surface(
        service.name,
        service.routes,
        lambda: bench.desk,
        service.deps,
        service.authenticate,
        HttpLimits(service.body_bytes, stop_seconds=2),
        limiter=service.limiter,
    )


@pytest.fixture
async def server(bench: ServiceBench[Deps]) -> AsyncIterator[HttpServer[Deps]]:
    running = HttpServer(surface(bench), "127.0.0.1", 0)
    await running.start()
    yield running
    await running.stop()
    await bench.service.deps.feed.close()


@pytest.fixture
async def api(server: HttpServer[Deps]) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield Api(session, ADMIN_KEY)
