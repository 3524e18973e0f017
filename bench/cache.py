"""python -m bench.cache: what caches save, what they cost, and how soon they make room.

``trace``: one recorded day through the production rule of placement and through CloudStack's, in
virtual time. ``copies``: one object through an NFS cache, next to direct and to nfs-cp on the same
export. ``mark``: from crossing the high-water mark until below it, by the real service.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random

from bench.caching import copies, mark
from bench.caching.replay import Replay, Zone
from bench.caching.rivals import AnyOf, Blind, Chooser, Ours
from bench.caching.trace import Day, record
from bench.report import Row, machine, show, write
from bench.store.places import own_servers

MIB = 1 << 20
SEEDS = (1, 2, 3)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.cache", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--folder", type=Path, help="file system to measure; a temporary one")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    parser.add_argument("--part", choices=PARTS, action="append", help="only these parts")
    asyncio.run(measure(parser.parse_args(arguments)))


async def measure(asked: argparse.Namespace) -> None:
    """All parts; what was measured is written at once."""
    facts, kept = machine(note=asked.note), list[Row]()
    with own_servers(), tempfile.TemporaryDirectory(prefix="stowage-", dir=asked.folder) as name:
        for part in asked.part or PARTS:
            async for row in PARTS[part](asked.quick, Path(name)):
                show(row)
                kept.append(row)
                write(asked.json, facts, kept)


async def trace(quick: bool, folder: Path) -> AsyncIterator[Row]:
    """Every seed through every rule."""
    day = Day(wishes=1500, storms=1) if quick else Day()
    for seed in SEEDS[:1] if quick else SEEDS:
        wishes = record(day, seed)
        for chooser in _choosers(seed):
            began, spent = time.monotonic(), time.process_time()
            took = Replay(Zone(), chooser).run(wishes)
            passed, cpu = time.monotonic() - began, time.process_time() - spent
            case = f"{len(wishes)} wishes, seed {seed}"
            yield Row(case, chooser.who, passed, cpu, 0.0, took.figures())


def _choosers(seed: int) -> tuple[Chooser, ...]:
    def coin() -> Random:
        return Random(seed)

    return Ours(), AnyOf(coin()), Blind(coin(), True), Blind(coin(), False)


async def through(quick: bool, folder: Path) -> AsyncIterator[Row]:
    """One object from one export into another, and on to a local pool."""
    for row in await copies.measure(folder, (64 if quick else 1024) * MIB, 1 if quick else 3):
        yield row


async def at_full(quick: bool, folder: Path) -> AsyncIterator[Row]:
    """Entries enough to cross the mark."""
    for entries in (50,) if quick else (50, 1000):
        yield await mark.measure(folder, entries)


PARTS: dict[str, Callable[[bool, Path], AsyncIterator[Row]]] = {
    "trace": trace,
    "copies": through,
    "mark": at_full,
}


if __name__ == "__main__":
    main()
