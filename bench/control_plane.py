"""python -m bench.control_plane: copies per second and their latency, with a null data plane."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg

from bench.control.ceilings import broker_ceilings, database_ceilings
from bench.control.cloud import Cloud, backing, cloud
from bench.control.finished import fill
from bench.control.load import Ask, Load, bus_of, through_api, through_bus, words_of_one
from bench.control.processes import cost
from bench.report import Row, machine, milliseconds, show, write
from tests.e2e.deployment import Backing


@dataclass(frozen=True)
class Plan:
    """How much is measured, seconds for each case."""

    in_flight: Sequence[int]
    seconds: float
    ceiling_seconds: float
    finished: int = 0
    """Copies finished before, for the cases that are measured once more among them."""


FULL = Plan((1, 32, 200), 20, 5)
QUICK = Plan((1, 16), 4, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.control_plane", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: under a minute")
    parser.add_argument(
        "--finished", type=int, default=0, metavar="N", help="measure again among so many"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    plan = replace(QUICK if asked.quick else FULL, finished=asked.finished)
    asyncio.run(measure(plan, asked.json, asked.note))


async def measure(plan: Plan, path: Path | None, note: str) -> None:
    """Ceilings first, then the services, on the same servers."""
    rows: list[Row] = []
    async with backing() as where:
        facts = machine(note=note, **await _versions(where))
        for ceiling in (broker_ceilings, database_ceilings):
            rows += await ceiling(where, plan.ceiling_seconds)
        for row in rows:
            show(row)
        async with cloud(where) as built:
            facts["messages_of_a_copy"] = await _words(built, where)
            async for row in _copies(built, where, plan):
                rows.append(row)
                show(row)
    write(path, facts, rows)


async def _copies(built: Cloud, where: Backing, plan: Plan) -> AsyncIterator[Row]:
    async with _asks(built, where) as asks:
        for entry, ask in asks.items():
            for in_flight in plan.in_flight:
                load = Load(built, ask, in_flight, plan.seconds)
                yield await _case(f"copies by {entry}, {in_flight} in flight", load, where)
        if plan.finished:
            await fill(where, plan.finished)
            for in_flight in plan.in_flight:
                load = Load(built, asks["RequestCopy"], in_flight, plan.seconds)
                case = f"copies among {plan.finished:,} finished, {in_flight} in flight"
                yield await _case(case, load, where)


@asynccontextmanager
async def _asks(built: Cloud, where: Backing) -> AsyncIterator[dict[str, Ask]]:
    bus = await bus_of(where)
    try:
        yield {"RequestCopy": through_bus(built, bus), "POST /v1/copies": through_api(built)}
    finally:
        await bus.close()


async def _words(built: Cloud, where: Backing) -> list[str]:
    async with _asks(built, where) as asks:
        return await words_of_one(built, where, asks["POST /v1/copies"])


async def _case(case: str, load: Load, where: Backing) -> Row:
    services = load.cloud.deployment.processes
    before, used, began = cost(services), await commits(where), monotonic()
    await load.run()
    stopped = monotonic()
    await load.cloud.tap.drained()
    drained = monotonic()
    spent, copies = cost(services).since(before), len(load.ended)
    figures = {
        "per_second": load.per_second,
        **milliseconds(load.latencies),
        "accepted_p50_ms": milliseconds(load.accepted)["p50_ms"],
        "copies": copies,
        "drain_seconds": drained - stopped,
        "cpu_ms_per_copy": 1000 * spent.cpu / copies,
        "transactions_per_copy": (await commits(where) - used) / copies,
        "cpu_ms_per_copy_of": {n: 1000 * s / copies for n, s in spent.cpu_seconds.items()},
    }
    return Row(case, "stowage", drained - began, spent.cpu, spent.peak_mib, figures)


async def commits(where: Backing) -> int:
    """Transactions committed in our database; back ends tell with up to a second's delay."""
    await asyncio.sleep(1.5)
    return int(
        await _value(
            where, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
    )


async def _versions(where: Backing) -> dict[str, Any]:
    return {
        "postgresql": await _value(where, "SHOW server_version"),
        "fsync": await _value(where, "SHOW fsync"),
    }


async def _value(where: Backing, query: str) -> Any:
    connection = await asyncpg.connect(where.database_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
