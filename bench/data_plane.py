"""python -m bench.data_plane: bytes per second, CPU and memory of a hop, beside cp, curl, rclone.

Everything is verified and synced: Stowage's time includes its tree digest, the declared SHA-256
and the syncs; a rival's includes a sync and a sha256sum. Each case is repeated and the median of
each candidate is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data.bucket import bucket
from bench.data.cases import Place, file_to_s3, http_to_file, s3_to_file
from bench.data.images import Image, make
from bench.data.web import serving
from bench.report import Row, machine, show, write
from tests.servers.apt import Requirement, provide

GIB = 1 << 30
CASES = {"http": http_to_file, "s3": s3_to_file, "upload": file_to_s3}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    full_bytes: int
    sparse_bytes: int
    times: int


FULL = Plan(2 * GIB, 4 * GIB, 3)
QUICK = Plan(GIB // 4, GIB // 2, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.data_plane", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--folder", type=Path, help="file system to measure; a temporary one")
    parser.add_argument("--case", choices=CASES, action="append", help="only these cases")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    asyncio.run(measure(QUICK if asked.quick else FULL, asked))


async def measure(plan: Plan, asked: argparse.Namespace) -> None:
    """All cases on all images."""
    provide([Requirement(("curl",), ("curl",)), Requirement(("rclone",), ("rclone",))])
    facts = machine(note=asked.note)
    rows: list[Row] = []
    async with places(plan, asked.folder) as (place, images):
        for name in asked.case or CASES:
            for image in images:
                found = [await CASES[name](image, place) for _ in range(plan.times)]
                rows += medians(row for turn in found for row in turn)
                for row in rows[-len(found[0]) :]:
                    show(row)
    write(asked.json, facts, rows)


@asynccontextmanager
async def places(plan: Plan, folder: Path | None) -> AsyncIterator[tuple[Place, list[Image]]]:
    """Images, servers and a folder for results, all gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="stowage-bench-", dir=folder) as name:
        images = prepared(Path(name), plan)
        with serving(Path(name) / "images", Path(name) / "nginx") as web:
            async with bucket() as held:
                yield Place(Path(name) / "results", web, held), images


def prepared(here: Path, plan: Plan) -> list[Image]:
    """The folders and the images."""
    here.chmod(0o755)  # nginx reads as another user
    (here / "images").mkdir()
    (here / "results" / ".stowage").mkdir(parents=True)
    full, sparse = plan.full_bytes, plan.sparse_bytes
    return [
        make(here / "images", f"{full / GIB:g} GiB full", full, half_sparse=False),
        make(here / "images", f"{sparse / GIB:g} GiB half sparse", sparse, half_sparse=True),
    ]


def medians(rows: Iterable[Row]) -> list[Row]:
    """Of each case and candidate the row with the median time."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.case, row.who].append(row)
    return [sorted(group, key=lambda r: r.seconds)[len(group) // 2] for group in groups.values()]


if __name__ == "__main__":
    main()
