"""One object through an NFS cache: filled from an image store, then read by a host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.data_plane import medians
from bench.report import Row
from bench.store import batch, places
from bench.store.transfers import Course
from tests.servers.apt import Requirement, provide

MIB = 1 << 20
PROGRAMS = (Requirement(("nfs-cp",), ("libnfs-utils",)), Requirement(("openssl",), ("openssl",)))


async def measure(folder: Path, size: int, turns: int) -> list[Row]:
    """Direct, through the cache cold and warm; each beside cp and nfs-cp on the same export."""
    provide(PROGRAMS)
    made = batch.make(folder / "image", f"{size // MIB} MiB", 1, size)
    results = folder / "results"
    results.mkdir()
    async with places.directory(folder / "direct") as place:
        direct = await _turns(Course(place, made, results), turns, reads=False)
    async with places.nfs("cache") as place:
        staged = await _turns(Course(place, made, results), turns, reads=True)
    base = {row.who: row.seconds for row in direct}
    fills, reads = (
        {row.who: row for row in staged if row.case.startswith(verb)} for verb in ("put", "get")
    )
    cold = [_sum(f"cold through the cache, {made.name}", fills[who], reads[who]) for who in fills]
    warm = [replace(row, case=f"warm from the cache, {made.name}") for row in reads.values()]
    one = [replace(row, case=f"direct, {made.name}") for row in direct]
    return [_next_to(row, base) for row in (*one, *cold, *warm)]


async def _turns(course: Course, turns: int, *, reads: bool) -> list[Row]:
    rows: list[Row] = []
    for turn in range(turns):
        rows += await course.put(turn)
    for turn in range(turns if reads else 0):
        rows += await course.get(turn)
    await course.end()
    return medians(rows)


def _sum(case: str, fill: Row, read: Row) -> Row:
    seconds, cpu = fill.seconds + read.seconds, fill.cpu_seconds + read.cpu_seconds
    figures = {"fill_seconds": fill.seconds, "read_seconds": read.seconds}
    return Row(case, fill.who, seconds, cpu, max(fill.peak_mib, read.peak_mib), figures)


def _next_to(row: Row, direct: dict[str, float]) -> Row:
    """Ours against our direct copy; nfs-cp against cp."""
    alone = direct["stowage" if row.who == "stowage" else "cp"]
    return replace(row, figures={**row.figures, "times_direct": row.seconds / alone})
