"""Broker and database go away in mid-copy: the API answers, the same copy completes, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.server import Server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.slow]
BROKER_AWAY_SECONDS = 20


@asynccontextmanager
async def half_way(operator: Operator, seed: int) -> AsyncIterator[tuple[Source, dict[str, Any]]]:
    """A registration whose source has sent half its bytes and then waits; freed on leaving."""
    async with serving(Source(image(24 * MIB, seed=seed), bytes_per_second=16 * MIB)) as source:
        made = await operator.register(source.url, checksum=source.sha256)
        async with asyncio.timeout(60):
            while source.sent < 12 * MIB:
                await asyncio.sleep(0.02)
        source.gate.clear()
        yield source, made


async def ends_ready(operator: Operator, made: dict[str, Any], source: Source) -> None:
    async with asyncio.timeout(120):
        template = {"ready": False, "error": None}
        while not (template["ready"] or template["error"]):
            template = await operator.settle(f"templates/{made['id']}", seconds=10)
    assert template["ready"], template["error"]
    root = operator.deployment.folder / "s1"
    (stored,) = (p for p in (root / "template").rglob(f"{made['id']}*") if p.is_file())
    assert stored.read_bytes() == source.content
    copy = await operator.settle(f"copies/{made['copy_id']}")
    assert copy["state"] == "done"
    assert not [p for p in root.rglob("*.part*") if p.is_file()]


async def test_a_broker_stopped_for_twenty_seconds_costs_no_copy(
    operator: Operator, broker: Server
) -> None:
    async with half_way(operator, seed=71) as (source, made):
        await asyncio.to_thread(broker.stop)
        source.gate.set()
        accepted = await operator.register("http://127.0.0.1:9/late", name="later")
        for _ in range(BROKER_AWAY_SECONDS):
            shown = await operator.call("GET", f"templates/{made['id']}")
            assert shown["id"] == made["id"]
            await asyncio.sleep(1)
        await asyncio.to_thread(broker.start)
        await ends_ready(operator, made, source)
    later = await operator.settle(f"templates/{accepted['id']}")
    assert later["error"], "what was accepted while the broker was away was carried out after it"


async def test_a_restarted_broker_costs_no_copy(operator: Operator, broker: Server) -> None:
    async with half_way(operator, seed=72) as (source, made):
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        source.gate.set()
        await ends_ready(operator, made, source)


async def test_a_restarted_database_costs_no_copy(operator: Operator, database: Server) -> None:
    async with half_way(operator, seed=73) as (source, made):
        await asyncio.to_thread(database.kill)
        await asyncio.to_thread(database.start)
        source.gate.set()
        await ends_ready(operator, made, source)
