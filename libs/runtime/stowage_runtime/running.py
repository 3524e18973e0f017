"""Running: one service on a given bus and database, started and stopped in order."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from contextvars import copy_context
from typing import Any, Generic, NoReturn, TypeVar

import structlog
from stowage_contracts.errors import Unavailable
from stowage_contracts.reading import MANDATORY

from stowage_runtime.bus import Bus
from stowage_runtime.crossing import server_tls
from stowage_runtime.database import Database
from stowage_runtime.database.leader import Leader
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.handling.desk import ServiceDesk
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.http import Route
from stowage_runtime.http.health import Check, health_routes
from stowage_runtime.http.limiting import Limiter, Rates
from stowage_runtime.http.openapi import openapi_route
from stowage_runtime.http.server import HttpLimits, HttpServer, Surface
from stowage_runtime.intents import IntentWorkers
from stowage_runtime.listening import Listening
from stowage_runtime.loops import Loops
from stowage_runtime.outbox.relay import Relay
from stowage_runtime.service import Service
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry.logs import name_service
from stowage_runtime.timers import Timers

D = TypeVar("D")
DRAIN_SECONDS = 3.0
"""How long the relay of a stopping service may still send what was said."""
log = structlog.get_logger(__name__)


class Running(Generic[D]):
    """A context manager: inside it the service runs. Bus and database belong to the caller.

    Entering raises Conflict when the database is not migrated, Unavailable when it is away,
    OSError when the HTTP port is taken.
    """

    def __init__(
        self, service: Service[D], bus: Bus, database: Database, settings: ServiceSettings
    ) -> None:
        self.service, self.bus, self.database = service, bus, database
        self._settings = settings
        self._wakes = Wakes(database)
        self.transactions = Transactions(service.name, database, bus, self._wakes, service.seal)
        self._listening = Listening(bus, Consumer(service, self.transactions))
        self._loops = Loops()
        self._context = copy_context()
        self._context.run(name_service, service.name)
        self.http: HttpServer[D] = HttpServer(
            self._surface(), settings.http_host, settings.http_port
        )

    async def __aenter__(self) -> "Running[D]":
        await self._inside(self._start())
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._inside(self._stop())

    async def crashed(self) -> NoReturn:
        """Wait until a loop ends on its own, which none should; raises RuntimeError."""
        await self._loops.crashed()

    def checks(self) -> Sequence[Check]:
        """What the service depends on."""
        broker_needed = not self.service.ready_without_bus
        return (
            Check("database", self.database.check),
            Check("broker", self._check_bus, broker_needed),
        )

    async def _inside(self, work: Coroutine[Any, Any, None]) -> None:
        """Every task made in here, and its log lines, belong to this service."""
        await asyncio.create_task(work, context=self._context)

    async def _start(self) -> None:
        if self._settings.migrate_on_start:
            await self.database.migrate()
        await self.database.check()
        if self.service.open is not None:
            await self.service.open()
        try:
            await self._start_loops()
            await self.http.start()
        except BaseException:
            await self._stop()
            raise
        log.info("service.started", port=self.http.port)

    async def _start_loops(self) -> None:
        transactions, leader = self.transactions, Leader(self.database)
        self._loops.start("wakes", self._wakes)
        self._loops.start("leader", leader)
        self._loops.start("relay", Relay(transactions, leader, mandatory=MANDATORY))
        self._loops.start("intents", IntentWorkers(self.service, transactions))
        self._loops.start("timers", Timers(self.service, transactions, leader))
        self._loops.start("bus", self._listening)
        for name, make in self.service.loops.items():
            self._loops.start(name, make(lambda: ServiceDesk(self.transactions)))

    async def _stop(self) -> None:
        """Take nothing new, finish or hand back what runs, send what was said, let go."""
        until = time.monotonic() + self._settings.stop_seconds
        await self.http.stop()
        await self._loops.stop("bus", 1)
        await self.bus.pause()
        for name in self.service.loops:
            await self._loops.stop(name, until - time.monotonic())
        await self._loops.stop("timers", until - time.monotonic())
        await self._loops.stop("intents", until - time.monotonic())
        await self._loops.stop("relay", DRAIN_SECONDS)
        for name in ("leader", "wakes"):
            await self._loops.stop(name, 2)
        if self.service.close is not None:
            await self.service.close()
        log.info("service.stopped")

    async def _check_bus(self) -> None:
        if not (self.bus.connected and self._listening.joined):
            raise Unavailable(
                "not connected (yet)",
                resource="broker",
                code="broker",
                hint="work is kept and goes on when the broker is back",
            )

    def _surface(self) -> Surface[D]:
        service = self.service
        health = health_routes(self.checks, lambda: self._loops.ended)
        routes = [*service.routes, *health]
        return Surface(
            service.name,
            [*routes, openapi_route(f"Stowage {service.name}", routes)],
            lambda: ServiceDesk(self.transactions),
            service.deps,
            service.authenticate,
            HttpLimits(service.body_bytes, stop_seconds=self._settings.stop_seconds),
            server_tls(self._settings.http_cert, self._settings.http_key),
            service.limiter or Limiter(Rates()),
        )


def described(service: Service[D]) -> list[Route[D]]:
    """Every route the service serves but the description itself."""
    return [*service.routes, *health_routes(tuple, tuple)]
