"""cache-autoscaler on a real database, with real directory stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cache_autoscaler.__main__ import wire
from cache_autoscaler.deps import Deps
from cache_autoscaler.settings import Settings
from pydantic import SecretStr
from stowage_runtime import keys
from stowage_runtime.testing.bench import ServiceBench

from tests.servers.databases import KeptDatabase
from tests.unit.cache_autoscaler.scene import Scene


@pytest.fixture
async def database_url(kept_database: KeptDatabase) -> str:
    """A database whose tables are as after their migrations."""
    return await kept_database.fresh()


@pytest.fixture
def made_keys() -> dict[str, str]:
    return keys.make()


@pytest.fixture
def settings(made_keys: dict[str, str], database_url: str) -> Settings:
    names = {name.removeprefix("stowage_"): text for name, text in made_keys.items()}
    return Settings.read(database_url=SecretStr(database_url), **names)


@pytest.fixture
async def bench(settings: Settings, database_url: str) -> AsyncIterator[ServiceBench[Deps]]:
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield bench
        await bench.service.deps.stores.close()


@pytest.fixture
def scene(
    bench: ServiceBench[Deps], made_keys: dict[str, str], tmp_path: Path, database_url: str
) -> Scene:
    return Scene(bench, made_keys, tmp_path, database_url)
