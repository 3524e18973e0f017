"""python -m bench.stores: what store drivers and agents reach beside the stores' own clients.

Put and get of one large object and of many small ones, listing, and the catalogue's statements
as its rows grow. Both sides sync and digest: Stowage's time includes grants, SHA-256, commit and
sync; a rival's a sync and a sha256sum. By turns, medians are kept; ratios within a row count.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data_plane import medians
from bench.report import Row, machine, show, write
from bench.store import batch, places
from bench.store.places import Place, own_servers
from bench.store.transfers import Course
from tests.servers.apt import Requirement, provide

GIB = 1 << 30
KIB = 1 << 10
PROGRAMS = (
    Requirement(("curl",), ("curl",)),
    Requirement(("rclone",), ("rclone",)),
    Requirement(("nfs-cp", "nfs-ls"), ("libnfs-utils",)),
)
STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[Place]]] = {
    "s3": lambda here: places.s3(),
    "swift": lambda here: places.swift(),
    "rgw-swift": lambda here: places.rgw_swift(),
    "nfs": lambda here: places.nfs(),
    "directory": lambda here: places.directory(here / "store"),
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
QUICK = Plan(GIB // 16, 50, 2000, 20_000, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.stores", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--folder", type=Path, help="file system to measure; a temporary one")
    parser.add_argument("--store", choices=STORES, action="append", help="only these stores")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    asyncio.run(measure(QUICK if asked.quick else FULL, asked))


async def measure(plan: Plan, asked: argparse.Namespace) -> None:
    """All stores."""
    provide(PROGRAMS)
    facts, rows = machine(note=asked.note), list[Row]()
    with own_servers(), tempfile.TemporaryDirectory(prefix="stowage-", dir=asked.folder) as name:
        here = Path(name)
        batches = (
            batch.make(here / "large", f"{plan.large / GIB:g} GiB", 1, plan.large),
            batch.make(here / "small", f"{plan.small} x 64 KiB", plan.small, 64 * KIB),
        )
        (here / "results").mkdir()
        for store in asked.store or STORES:
            async with STORES[store](here) as place:
                for each in batches:
                    rows += _shown(await transfers(Course(place, each, here / "results"), plan))
                    write(asked.json, facts, rows)


async def transfers(course: Course, plan: Plan) -> list[Row]:
    """Medians of all turns."""
    found = []
    for turn in range(plan.turns):
        found += await course.put(turn)
    for turn in range(plan.turns):
        found += await course.get(turn)
    await course.end()
    return medians(found)


def _shown(rows: list[Row]) -> list[Row]:
    for row in rows:
        show(row)
    return rows


if __name__ == "__main__":
    main()
