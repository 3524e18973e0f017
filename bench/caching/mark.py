"""How soon a cache that is full has room again: the real service, its timers and its deletions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.running import Running
from stowage_runtime.testing.eventually import eventually

from bench.report import Row
from bench.store import places
from tests.servers.databases import fresh_database
from tests.unit.cache_autoscaler.scene import Scene, opened_scene

SIZE = 1 << 20
DEADLINE = 120
JUST_LOOKED = 0.1
"""The mark is crossed so soon after the service looked: the next look is nearly a period away."""
ENTRIES = """
INSERT INTO cache_autoscaler.entries (id, store_id, digest, format, object_kind, object_id, key,
    size, state, fill_copy, last_used, created)
SELECT 'e' || n, 'k1', 'sha256:' || lpad(to_hex(n), 64, '0'), 'raw', 'template', 't' || n,
    'cache/' || n || '.raw', $2, 'ready', '', now() - make_interval(secs => n), now()
FROM generate_series(1, $1) AS n"""
STANDING = """
SELECT coalesce(sum(size), 0)::float8 AS kept,
    coalesce(sum(size) FILTER (WHERE state <> 'evicting'), 0)::float8 AS staying
FROM cache_autoscaler.entries"""


async def measure(folder: Path, count: int) -> Row:
    """``count`` entries of 1 MiB; the disk turns out to be so small that they are 95 % of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    here = folder / f"mark{count}"
    here.mkdir()
    url = places.server("postgres").url
    async with fresh_database(url) as database, opened_scene(here, database) as scene:
        await scene.store()
        await asyncio.to_thread(_files, here / "k1" / "cache", count)
        await scene.sql(ENTRIES, count, SIZE)
        async with _running(scene):
            told = scene.bench.service.deps.settings
            limit = count * SIZE / 0.95
            total = int(limit / told.cache_fill_limit)
            await asyncio.sleep(JUST_LOOKED)
            began = time.monotonic()
            await scene.sql(
                "UPDATE cache_autoscaler.cache_stores SET total_bytes = $1, foreign_bytes = 0",
                total,
            )
            decided = await _until(scene, "staying", limit * told.cache_evict_high, began)
            below = await _until(scene, "kept", limit * told.cache_evict_high, began)
            low = await _until(scene, "kept", limit * (told.cache_evict_low + 0.01), began)
    figures = {"entries": count, "decided_s": decided, "below_high_s": below, "at_low_s": low}
    return Row(f"{count} entries at 95 % of a cache", "stowage", below, 0.0, 0.0, figures)


def _files(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"{number}.raw").write_bytes(bytes(SIZE))


async def _until(scene: Scene, what: str, below: float, began: float) -> float:
    async def reached() -> bool:
        return bool((await scene.sql(STANDING))[0][what] <= below)

    await eventually(reached, DEADLINE)
    return time.monotonic() - began


@asynccontextmanager
async def _running(scene: Scene) -> AsyncIterator[Running[Any]]:
    service, database = scene.bench.service, scene.bench.database
    bus = MemoryBus(MemoryBroker(TableSink(database)))
    running = Running(service, bus, database, service.deps.settings)
    await bus.declare(Consumer(service, running.transactions).reader)
    async with running:
        yield running
    await bus.close()
