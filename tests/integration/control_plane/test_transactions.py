"""What a copy costs the database, with every service a process of its own."""

import asyncio
import time

import pytest

from bench.control.cloud import Cloud, backing, cloud
from bench.control.load import Load, through_api
from bench.control_plane import commits
from tests.e2e.deployment import Backing

MOST = 10
COPIES = 80
IDLE_SECONDS = 6.0
"""Every timer has its turn in it."""


@pytest.mark.timeout(120)
async def test_a_direct_copy_costs_at_most_ten_transactions_in_all_services_together() -> None:
    async with backing() as where, cloud(where) as built:
        spent = await idle_rate(where)
        before, began = await commits(where), time.monotonic()

        await copies(built)

        elapsed = time.monotonic() - began
        used = await commits(where) - before
        assert (used - spent * elapsed) / COPIES <= MOST


async def copies(built: Cloud) -> None:
    """All of them, asked for by HTTP, four at a time."""
    ask = through_api(built)
    for _ in range(COPIES // 4):
        await asyncio.gather(*(Load(built, ask, 1, 0).run() for _ in range(4)))
    await built.tap.drained()


async def idle_rate(where: Backing) -> float:
    """Transactions a second of timers, heartbeats and looking for work, while nothing is asked."""
    before, began = await commits(where), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (await commits(where) - before) / (time.monotonic() - began)
