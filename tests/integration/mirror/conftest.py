"""A gateway's mirror on a real database, beside a cloud that answers over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.mirror.api import CloudStackApi
from api_gateway.mirror.asking import Questions
from api_gateway.mirror.events import Event, Malformed, read
from api_gateway.mirror.intake import Intake
from api_gateway.mirror.looking import Hand
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.scheduling import SWEPT, ask_for_all
from api_gateway.mirror.status import MirrorStatus, status
from api_gateway.mirror.working import Worker
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_contracts.message import Message
from stowage_runtime import keys
from stowage_runtime.testing.bench import ServiceBench

from tests.integration.mirror.cloudstack import API_KEY, SECRET_KEY, CloudStack, serving
from tests.integration.mirror.scenery import cloud as whole_cloud

ADMIN_KEY = "the-admin-key"


@pytest.fixture(scope="session")
def made_keys() -> dict[str, str]:
    return {name.removeprefix("stowage_"): text for name, text in keys.make().items()}


def mirror_settings(cloud: CloudStack, **more: Any) -> dict[str, Any]:
    """Settings of a mirror that waits for nothing."""
    return {
        "mirror_api_url": cloud.url,
        "mirror_api_key": SecretStr(API_KEY),
        "mirror_secret_key": SecretStr(SECRET_KEY),
        "mirror_api_rate": 10_000,
        "mirror_api_page": 2,
        "mirror_settle_seconds": 0,
        "mirror_poll_seconds": 0.01,
        "mirror_patience_seconds": 60,
        **more,
    }


@dataclass
class Mirror:
    """A mirror driven step by step: what comes is taken when a test says so, and looked at too."""

    bench: ServiceBench[Deps]
    cloud: CloudStack
    worker: Worker

    async def take(self, events: Iterable[tuple[str, bytes]]) -> None:
        settings = self.bench.service.deps.settings
        intake = Intake(settings.mirror_rules)
        async with self.bench.desk.transaction() as tx:
            await intake.take([parsed(*event) for event in events], tx)

    async def sweep(self, *nouns: MirrorNoun) -> None:
        async with self.bench.desk.transaction() as tx:
            wanted = nouns or (MirrorNoun.PLACE, *SWEPT)
            await ask_for_all(wanted, tx, self.bench.service.deps)

    async def look(self, most: int = 1000) -> int:
        """Look at what is due; how many looks that were."""
        for number in range(most):
            if not await self.worker.once():
                return number
        return most

    async def settle(self) -> None:
        """Look until nothing is left to look at."""
        async with asyncio.timeout(20):
            while True:
                await self.look()
                (row,) = await self.bench.database.fetch("mirror.pending")
                if not row["pending"]:
                    return
                await asyncio.sleep(0.05)

    async def said(self, *kinds: type[Message]) -> list[Message]:
        return await self.bench.said(*kinds)

    async def entities(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What is kept of each, without times."""
        rows = await self.bench.database.fetch("mirror.entities", None, None, None, "", 1000)
        return {
            (row["noun"], row["id"]): {
                name: value
                for name, value in dict(row).items()
                if name not in ("seen", "first_seen", "gone")
            }
            for row in rows
        }

    async def outcome(self, noun: str, id: str) -> str:
        found = await self.entities()
        return str(found[noun, id]["outcome"])


async def mirror_status(mirror: Mirror) -> MirrorStatus:
    """What an operator is shown."""
    return await status(mirror.bench.desk, mirror.bench.service.deps)


def parsed(key: str, body: bytes) -> Event | Malformed:
    try:
        return read(key, body)
    except Malformed as error:
        return error


@pytest.fixture
async def cloud() -> AsyncIterator[CloudStack]:
    async with serving(whole_cloud()) as cloud:
        yield cloud


@pytest.fixture
def told() -> dict[str, Any]:
    """Settings a test adds."""
    return {}


@asynccontextmanager
async def opened(
    database_url: str, cloud: CloudStack, given: Mapping[str, Any]
) -> AsyncIterator[Mirror]:
    """A mirror of a cloud on a new database; ``given`` are keys and further settings."""
    settings = Settings.read(
        database_url=SecretStr(database_url), **{**mirror_settings(cloud), **given}
    )
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(ServiceBench.open(wire(settings), database_url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        deps = bench.service.deps
        deps.pulse.api = CloudStackApi(deps.settings, session)
        hand = Hand(Questions(deps.pulse.api), deps, lambda: bench.desk)
        yield Mirror(bench, cloud, Worker(hand, asyncio.Event()))


@pytest.fixture
async def mirror(
    made_keys: dict[str, str], database_url: str, cloud: CloudStack, told: dict[str, Any]
) -> AsyncIterator[Mirror]:
    async with opened(database_url, cloud, {**made_keys, **told}) as mirror:
        yield mirror
