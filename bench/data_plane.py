"""python -m bench.data_plane: bytes per second, CPU and memory of a hop, beside its rivals.

Everything is verified and synced: Stowage's time includes its tree digest, a URL's declared
SHA-256 and the syncs; a rival's (cp, curl, rclone, nbdcopy, qemu-img, a store's own client)
includes a sync and an OpenSSL SHA-256 of the result. Each case is repeated and the median of each
candidate is kept. ``ceiling`` rows are what disk and wire gave in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data.cases import Place, on_disk, over_http, vast
from bench.data.images import Image, make
from bench.data.web import serving
from bench.report import Row, machine, show, write
from bench.store import places
from bench.store.transfers import Course
from tests.servers.apt import Requirement, provide

GIB = 1 << 30
FILES = {"http": over_http, "file": on_disk}
STORES = {"s3": places.s3, "swift": places.swift, "rgw-swift": places.rgw_swift, "nfs": places.nfs}
CASES = (*FILES, "vast", *STORES)
REQUIRED = [
    Requirement(("curl",), ("curl",)),
    Requirement(("rclone",), ("rclone",)),
    Requirement(("nbdcopy",), ("libnbd-bin",)),
    Requirement(("qemu-img", "qemu-nbd"), ("qemu-utils",)),
    Requirement(("nfs-cp",), ("libnfs-utils",)),
]


class QemuOverHttp(Requirement):
    """qemu-img's module for URLs, which is no program."""

    def missing(self) -> list[str]:
        return [] if any(Path("/usr/lib").glob("*/qemu/block-curl.so")) else ["block-curl.so"]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    full_bytes: int
    sparse_bytes: int
    vast_bytes: int
    times: int


FULL = Plan(2 * GIB, 4 * GIB, 3 * GIB // 2, 3)
QUICK = Plan(GIB // 2, GIB // 2, 3 * GIB // 2, 1)


@dataclass(frozen=True)
class Task:
    """What to measure, and on what."""

    plan: Plan
    place: Place
    images: Sequence[Image]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.data_plane", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--folder", type=Path, help="file system to measure; a temporary one")
    parser.add_argument("--case", choices=CASES, action="append", help="only these cases")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    asyncio.run(measure(QUICK if asked.quick else FULL, asked))


async def measure(plan: Plan, asked: argparse.Namespace) -> None:
    """All cases on all images; what was measured is written at once."""
    provide([*REQUIRED, QemuOverHttp((), ("qemu-block-extra",))])
    facts, kept = machine(note=asked.note), list[Row]()
    with places.own_servers(), prepared(plan, asked.folder) as task:
        for name in asked.case or CASES:
            async for found in rows_of(name, task):
                for row in found:
                    show(row)
                kept += found
                write(asked.json, facts, kept)


async def rows_of(name: str, task: Task) -> AsyncIterator[list[Row]]:
    """Medians of one case after the other."""
    if name == "vast":
        yield await vast(task.place, task.plan.vast_bytes)
        return
    for image in task.images:
        if name in STORES:
            yield await of_store(name, image, task)
            continue
        for case in FILES[name](image, task.place):
            turns = [await case.turn(task.place) for _ in range(task.plan.times)]
            yield medians(row for turn in turns for row in turn)


async def of_store(name: str, image: Image, task: Task) -> list[Row]:
    """Put and get."""
    results = task.place.folder / "fetched-back"
    results.mkdir(exist_ok=True)
    found = []
    async with STORES[name](f"{name}-{image.path.parent.name}") as place:
        course = Course(place, image.batch, results)
        for turn in range(task.plan.times):
            found += await course.put(turn)
        for turn in range(task.plan.times):
            found += await course.get(turn)
        await course.end()
    return medians(found)


@contextmanager
def prepared(plan: Plan, folder: Path | None) -> Iterator[Task]:
    """Images, a web server and a folder for results, all gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="stowage-bench-", dir=folder) as name:
        here = Path(name)
        here.chmod(0o755)  # nginx reads as another user
        (here / "images").mkdir()
        (here / "results" / ".stowage").mkdir(parents=True)
        full, sparse = plan.full_bytes, plan.sparse_bytes
        images = [
            make(here / "images", f"{full / GIB:g} GiB full", full, half_sparse=False),
            make(here / "images", f"{sparse / GIB:g} GiB half sparse", sparse, half_sparse=True),
        ]
        with serving(here / "images", here / "nginx") as web:
            yield Task(plan, Place(here / "results", here / "images", web), images)


def medians(rows: Iterable[Row]) -> list[Row]:
    """Of each case and candidate the row with the median time."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.case, row.who].append(row)
    return [sorted(group, key=lambda r: r.seconds)[len(group) // 2] for group in groups.values()]


if __name__ == "__main__":
    main()
