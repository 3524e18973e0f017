"""image-store on a real database, with real directory stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from image_store.__main__ import wire
from image_store.deps import Deps
from image_store.settings import Settings
from pydantic import SecretStr
from stowage_runtime import keys
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.image_store.scene import Scene


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
async def bench(settings: Settings, database_url: str) -> AsyncIterator[ServiceBench[Deps]]:
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield bench


@pytest.fixture
def scene(bench: ServiceBench[Deps], made_keys: dict[str, str], tmp_path: Path) -> Scene:
    return Scene(bench, made_keys, tmp_path)
