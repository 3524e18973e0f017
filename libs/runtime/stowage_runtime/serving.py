"""What a service's commands do: serve until told to stop, migrate, check."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import structlog
from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.topology import Topology

from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.bus import builtin_readers
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.crossing import check_crossing
from stowage_runtime.database import Database
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.http.health import Check, Readiness, run_checks
from stowage_runtime.running import Running
from stowage_runtime.service import Service
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry import flush_tracing, start_tracing
from stowage_runtime.telemetry.metrics import start_metrics

R = TypeVar("R")
START_SECONDS = 60.0
"""How long a database or broker that is still starting is waited for."""
FLUSH_SECONDS = 3.0
log = structlog.get_logger(__name__)


async def run(service: Service[Any], settings: ServiceSettings) -> int:
    """Serve until SIGTERM or SIGINT; 1 when a loop broke, else 0. Raises StowageError."""
    start_tracing(service.name, settings.otlp_endpoint)
    start_metrics()
    stop = _asked_to_stop()
    try:
        async with opened(service, settings) as (database, bus):
            bus.start()
            await _patiently(database.pending, stop)
            if stop.is_set():
                return 0
            async with Running(service, bus, database, settings) as running:
                return await _until(stop, running)
    finally:
        await asyncio.to_thread(flush_tracing, FLUSH_SECONDS)


async def migrate(service: Service[Any], settings: ServiceSettings) -> list[str]:
    """Migrate the database and declare the whole topology, so that services start in any order.

    Answers the migrations applied.
    """
    async with opened(service, settings) as (database, bus):
        applied = await _patiently(database.migrate)
        await _patiently(bus.ready)
        transactions = Transactions(service.name, database, bus, Wakes(database))
        for reader in (*builtin_readers(), Consumer(service, transactions).reader):
            await bus.declare(reader)
        return applied


async def check(service: Service[Any], settings: ServiceSettings) -> Readiness:
    """Try every dependency once."""

    async def broker(bus: RabbitBus) -> None:
        await bus.ready()

    async with opened(service, settings) as (database, bus):
        checks = [Check("database", database.check), Check("broker", lambda: broker(bus))]
        return await run_checks(checks, seconds=15)


@asynccontextmanager
async def opened(
    service: Service[Any], settings: ServiceSettings
) -> AsyncIterator[tuple[Database, RabbitBus]]:
    """The service's database and its end of the bus, neither asked anything yet."""
    url = given(settings.database_url, "STOWAGE_DATABASE_URL")
    broker = given(settings.amqp_url, "STOWAGE_AMQP_URL")
    check_crossing(url, "STOWAGE_DATABASE_URL", plaintext=settings.plaintext)
    check_crossing(broker, "STOWAGE_AMQP_URL", plaintext=settings.plaintext)
    async with AsyncExitStack() as stack:
        schema = service.package.rpartition(".")[2]
        database = await Database.open(url, schema, service.package)
        stack.push_async_callback(database.close)
        bus = RabbitBus(broker, Topology(settings.bus_prefix))
        stack.push_async_callback(bus.close)
        yield database, bus


async def _until(stop: asyncio.Event, running: Running[Any]) -> int:
    asked, crashed = asyncio.create_task(stop.wait()), asyncio.create_task(running.crashed())
    await asyncio.wait({asked, crashed}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if crashed.done():
        log.critical("service.crashed", exc_info=crashed.exception())
        return 1
    crashed.cancel()
    return 0


async def _patiently(work: Callable[[], Awaitable[R]], stop: asyncio.Event | None = None) -> R:
    backoff, waited = Backoff(first=0.3, cap=3.0), stop or asyncio.Event()
    until = asyncio.get_running_loop().time() + START_SECONDS
    while True:
        try:
            return await work()
        except Unavailable as error:
            late = asyncio.get_running_loop().time() > until
            if late or await wait(waited, backoff.next()):
                raise
            log.warning("service.waits", code=error.code, cause=error.cause)


def _asked_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def given(url: SecretStr, variable: str) -> str:
    """The URL; raises InvalidInput naming the variable when it is empty."""
    if not url.get_secret_value():
        raise InvalidInput(
            f"{variable} is not set",
            resource="settings",
            code="settings",
            hint="docs/reference/settings.md lists every setting",
        )
    return url.get_secret_value()
