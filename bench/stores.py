"""python -m bench.stores: what store drivers and agents reach beside the stores' own clients.

Put and get of one large object and of many small ones, listing, and the catalogue's statements
as its rows grow. Both sides sync and digest: Stowage's time includes grants, SHA-256, commit and
sync; a rival's a sync and an openssl dgst. By turns, medians are kept; ratios within a row count.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data_plane import medians
from bench.report import Row, machine, show, write
from bench.store import batch, listing, places, rows
from bench.store.places import Place, own_servers
from bench.store.transfers import Course
from tests.servers.apt import Requirement, provide

GIB = 1 << 30
KIB = 1 << 10
PROGRAMS = (
    Requirement(("curl",), ("curl",)),
    Requirement(("rclone",), ("rclone",)),
    Requirement(("openssl",), ("openssl",)),
    Requirement(("nfs-cp", "nfs-ls"), ("libnfs-utils",)),
)
STORES: dict[str, Callable[[Path, str], AbstractAsyncContextManager[Place]]] = {
    "s3": lambda here, name: places.s3(name),
    "swift": lambda here, name: places.swift(name),
    "rgw-swift": lambda here, name: places.rgw_swift(name),
    "nfs": lambda here, name: places.nfs(name),
    "directory": lambda here, name: places.directory(here / f"{name}-store"),
}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    large: int
    small: int
    """Objects of 64 KiB."""
    listed: int
    rows: int
    turns: int


FULL = Plan(GIB, 1000, 100_000, 1_000_000, 3)
QUICK = Plan(GIB // 16, 20, 1000, 20_000, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.stores", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--folder", type=Path, help="file system to measure; a temporary one")
    parser.add_argument("--store", choices=STORES, action="append", help="only these stores")
    parser.add_argument("--turns", type=int, help="of which the median is kept")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    parser.add_argument("--part", choices=PARTS, action="append", help="only these parts")
    asked = parser.parse_args(arguments)
    plan = QUICK if asked.quick else FULL
    asyncio.run(measure(replace(plan, turns=asked.turns or plan.turns), asked))


async def measure(plan: Plan, asked: argparse.Namespace) -> None:
    """All parts on all stores; what was measured is written at once."""
    provide(PROGRAMS)
    facts, kept = machine(note=asked.note), list[Row]()
    with own_servers(), tempfile.TemporaryDirectory(prefix="stowage-", dir=asked.folder) as name:
        task = Task(plan, Path(name), tuple(asked.store or STORES))
        for part in asked.part or PARTS:
            async for found in PARTS[part](task):
                for row in found:
                    show(row)
                kept += found
                write(asked.json, facts, kept)


@dataclass(frozen=True)
class Task:
    """What to measure, and where there is room for it."""

    plan: Plan
    folder: Path
    stores: tuple[str, ...]


async def large(task: Task) -> AsyncIterator[list[Row]]:
    """Put and get of one object."""
    size = task.plan.large
    made = batch.make(task.folder / "large", f"{size / GIB:g} GiB", 1, size)
    async for found in moved(task, made):
        yield found


async def small(task: Task) -> AsyncIterator[list[Row]]:
    """Put and get of many objects."""
    count = task.plan.small
    made = batch.make(task.folder / "small", f"{count} x 64 KiB", count, 64 * KIB)
    async for found in moved(task, made):
        yield found


async def moved(task: Task, made: batch.Batch) -> AsyncIterator[list[Row]]:
    """A batch to every store and back."""
    results = task.folder / f"{made.folder.name}-results"
    results.mkdir()
    for store in task.stores:
        async with STORES[store](task.folder, made.folder.name) as place:
            yield await transfers(Course(place, made, results), task.plan)


async def listings(task: Task) -> AsyncIterator[list[Row]]:
    """Of as many objects in each store."""
    count = task.plan.listed
    folder = await asyncio.to_thread(listing.make, task.folder / "listed", count)
    for store in (each for each in task.stores if each in listing.STORES):
        async with listing.STORES[store](folder, count) as listed:
            found = [await listing.turn(listed, count) for _ in range(task.plan.turns)]
        yield medians(row for rows in found for row in rows)


async def catalogue(task: Task) -> AsyncIterator[list[Row]]:
    """One template, and very many."""
    url = places.server("postgres").url
    for count in (1, task.plan.rows):
        yield await rows.measure(url, task.folder, count)


PARTS = {"large": large, "small": small, "list": listings, "rows": catalogue}


async def transfers(course: Course, plan: Plan) -> list[Row]:
    """Medians of all turns."""
    found = []
    for turn in range(plan.turns):
        found += await course.put(turn)
    for turn in range(plan.turns):
        found += await course.get(turn)
    await course.end()
    return medians(found)


if __name__ == "__main__":
    main()
