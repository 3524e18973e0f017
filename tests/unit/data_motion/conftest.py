"""data-motion on a real database, its clock in the test's hands."""

from collections.abc import AsyncIterator

import pytest
from data_motion.__main__ import wire
from data_motion.deps import Deps
from data_motion.settings import Settings
from pydantic import SecretStr
from stowage_runtime import keys
from stowage_runtime.signing import Verifier
from stowage_runtime.testing.bench import ServiceBench

from tests.servers.databases import KeptDatabase
from tests.unit.data_motion.scene import Scene


@pytest.fixture
async def database_url(kept_database: KeptDatabase) -> str:
    """A database whose tables are as after their migrations."""
    return await kept_database.fresh()


@pytest.fixture
def made_keys() -> dict[str, str]:
    return keys.make()


@pytest.fixture
def verifier(made_keys: dict[str, str]) -> Verifier:
    return Verifier(made_keys["stowage_ticket_verify_key"])


@pytest.fixture
def settings(made_keys: dict[str, str], database_url: str) -> Settings:
    key = SecretStr(made_keys["stowage_ticket_signing_key"])
    return Settings(database_url=SecretStr(database_url), ticket_signing_key=key, store_slots=2)


@pytest.fixture
async def bench(settings: Settings, database_url: str) -> AsyncIterator[ServiceBench[Deps]]:
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield bench


@pytest.fixture
def scene(bench: ServiceBench[Deps]) -> Scene:
    return Scene(bench)
