"""What the catalogue's work costs with one template in it and with very many."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from image_store.__main__ import wire
from image_store.deps import Deps
from image_store.settings import Settings
from pydantic import SecretStr
from stowage_contracts import sealing
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import CopyRequested, RedeemGrant
from stowage_contracts.values import ObjectRef
from stowage_runtime import keys
from stowage_runtime.testing.bench import ServiceBench
from stowage_stores.hosting import Hosted

from bench.report import Row, milliseconds, percentile
from tests.integration.image_store.catalogue import fill
from tests.integration.image_store.hot_queries import HOT, REPLICA
from tests.integration.image_store.plans import plan_for, read_whole
from tests.servers.databases import fresh_database
from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import Scene, accepted
from tests.unit.image_store.shelves import Shelves

TIMES = 100


@dataclass(frozen=True)
class Timed:
    """Seconds of each kind of work."""

    register: list[float]
    redeem: list[float]
    complete: list[float]
    add_ref: list[float]


async def measure(server_url: str, folder: Path, count: int) -> list[Row]:
    """Handlers and statements with ``count`` templates in the catalogue."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with fresh_database(server_url) as url, _shelves(url, folder, count) as shelves:
        bench = shelves.scene.bench
        found = Timed([], [], [], [])
        for number in range(TIMES):
            await _template(shelves, number, found)
        statements = await _statements(bench, found)
        whole = await _scans(bench)
    rows = [_row(name, count, seconds) for name, seconds in vars(found).items()]
    slowest = max(statements, key=lambda name: statements[name])
    figures = {
        "median_ms": 1000 * percentile(statements.values(), 0.5),
        "slowest": slowest,
        "slowest_ms": 1000 * statements[slowest],
        "sequential_scans": whole,
        "p50_ms_of": {name: 1000 * seconds for name, seconds in statements.items()},
    }
    total = sum(statements.values())
    rows.append(
        Row(f"{len(statements)} hot statements, {count} rows", "stowage", total, 0, 0, figures)
    )
    return rows


@asynccontextmanager
async def _shelves(url: str, folder: Path, count: int) -> AsyncIterator[Shelves]:
    """image-store on a catalogue whose only store with room keeps its bytes in memory."""
    made = keys.make()
    names = {name.removeprefix("stowage_"): text for name, text in made.items()}
    settings = Settings.read(database_url=SecretStr(url), **names)
    assert isinstance(settings, Settings)
    service, lab = wire(settings), LabProvider()
    cipher = service.deps.cipher
    stores = Hosted({"lab": lab}, lambda row: cipher.open(row.sealed, sealing.for_store(row.id)))
    service = replace(service, deps=replace(service.deps, stores=stores))
    async with ServiceBench[Deps].open(service, url) as bench:
        await _fill(url, count)
        shelves = Shelves(Scene(bench, made, folder), lab)
        await shelves.scene.zone()
        await shelves.store("lab")
        yield shelves
    await stores.close()


async def _fill(url: str, count: int) -> None:
    connection = await asyncpg.connect(url, server_settings={"search_path": "image_store"})
    try:
        await fill(connection, count)
        await connection.execute("UPDATE image_data_store SET state = 'ReadOnly'")
        await connection.execute("UPDATE stored_object SET due = NULL")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _template(shelves: Shelves, number: int, found: Timed) -> None:
    """Registered, its write granted, its copy completed."""
    scene, bench = shelves.scene, shelves.scene.bench
    await bench.forget()
    name = f"new{number}"
    sealed = scene.sealed("http://images.example/a", ObjectRef(kind="template", id=name))
    asked = scene.registration(template_id=name, copy_id=f"copy{number}", sealed_url=sealed)
    found.register.append(await _deliver(bench, asked))
    (request,) = await bench.said(CopyRequested)
    assert isinstance(request, CopyRequested)
    ask = RedeemGrant(
        grant_id=request.destination.grant.id, ticket=scene.ticket(request), size=1000
    )
    began = time.perf_counter()
    await bench.ask(ask, source="agent/h1")
    found.redeem.append(time.perf_counter() - began)
    shelves.lab.put(request.destination.key, b"x" * 1000)
    found.complete.append(await _deliver(bench, scene.completed(request, accepted())))


async def _deliver(bench: ServiceBench[Deps], message: Message) -> float:
    envelope = Envelope.of(message, source=message.owner.value)
    began = time.perf_counter()
    await bench.consumer.deliver(envelope)
    return time.perf_counter() - began


async def _statements(bench: ServiceBench[Deps], found: Timed) -> dict[str, float]:
    """Median seconds of each hot statement; the insert of a replica is kept one by one."""
    medians = {}
    for name, args in HOT.items():
        seconds = [await _statement(bench, name, args) for _ in range(TIMES // 5)]
        medians[name] = percentile(seconds, 0.5)
    for number in range(TIMES):
        row = REPLICA | {"id": f"n{number}", "object_id": f"n{number}"}
        found.add_ref.append(await _statement(bench, "add_ref", (row,)))
    return medians


async def _statement(bench: ServiceBench[Deps], name: str, args: Iterable[Any]) -> float:
    async with bench.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            began = time.perf_counter()
            await connection.fetch(bench.database.queries[name], *args)
            return time.perf_counter() - began
        finally:
            await transaction.rollback()


async def _scans(bench: ServiceBench[Deps]) -> list[str]:
    """Hot statements that would read a growing table row by row."""
    async with bench.database.connection() as connection:
        plans = [
            (name, await plan_for(connection, bench.database.queries[name], *args))
            for name, args in HOT.items()
        ]
    return [name for name, plan in plans if read_whole(plan)]


def _row(name: str, count: int, seconds: list[float]) -> Row:
    case = f"{name.replace('_', ' ')}, {count} rows"
    return Row(case, "stowage", sum(seconds) / len(seconds), 0, 0, milliseconds(seconds))
