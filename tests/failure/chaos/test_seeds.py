"""Anything is killed, cut, filled and said twice, as a seed says: what must be true stays true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import Servers
from tests.failure.chaos.run import run
from tests.failure.chaos.world import World, built
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400), pytest.mark.slow]
SEEDS = (5, 7)
"""A few that have much in them; `make chaos` runs as many as one likes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, servers: Servers, s3_server: S3Server
) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("chaos")
    async with built(folder, servers, s3_server) as world:
        yield world


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_invariant_holds(world: World, seed: int) -> None:
    verdict = await run(world, seed)
    assert not verdict.broken, str(verdict)
