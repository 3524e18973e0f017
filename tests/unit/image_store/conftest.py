"""image-store on a real database, with real directory stores."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from image_store.__main__ import wire
from image_store.deps import Deps
from image_store.settings import Settings
from pydantic import SecretStr
from stowage_contracts import sealing
from stowage_runtime import keys, plugins
from stowage_runtime.testing.bench import ServiceBench
from stowage_stores.hosting import Hosted

from tests.servers.databases import KeptDatabase
from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene


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
    settings = Settings.read(database_url=SecretStr(database_url), **names)
    assert isinstance(settings, Settings)
    return settings


@pytest.fixture
def lab() -> LabProvider:
    """A provider whose stores write down what is done with them."""
    return LabProvider()


@pytest.fixture
async def bench(
    settings: Settings, database_url: str, lab: LabProvider
) -> AsyncIterator[ServiceBench[Deps]]:
    service = wire(settings)
    cipher = service.deps.cipher
    providers = plugins.load("stowage.data_store_provider", plugins.instance) | {"lab": lab}
    stores = Hosted(providers, lambda row: cipher.open(row.sealed, sealing.for_store(row.id)))
    service = replace(service, deps=replace(service.deps, stores=stores), close=stores.close)
    async with ServiceBench.open(service, database_url) as bench:
        yield bench
    await stores.close()


@pytest.fixture
def scene(bench: ServiceBench[Deps], made_keys: dict[str, str], tmp_path: Path) -> Scene:
    return Scene(bench, made_keys, tmp_path)
