"""The dispatcher: of all gateways, which one delivers for each sink."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import structlog
from asyncpg import Record
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.values import new_id
from stowage_runtime.backoff import wait
from stowage_runtime.secrets import RowCipher
from stowage_runtime.service import Desk

from api_gateway.feed import Feed
from api_gateway.listeners import Listener
from api_gateway.sinks.bell import Bell
from api_gateway.sinks.delivering import Delivery
from api_gateway.sinks.journal import Journal, Lost
from api_gateway.sinks.metrics import SINKS
from api_gateway.sinks.rows import Sink
from api_gateway.sinks.senders import Senders

LEASE_SECONDS = 8.0
"""How long a gateway that fell silent keeps its sinks."""
MOST = 500
"""Sinks of one gateway."""
TURNS = 3
"""Sinks of one gateway that look at the database at once."""
FINISH_SECONDS = 3.0
"""How long a stopping gateway waits for what is under way; the rest is told again by another."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Needs:
    """What the dispatcher is made of."""

    feed: Feed
    cipher: RowCipher
    senders: Senders
    bell: Bell

    def loop(self, desk: Callable[[], Desk]) -> "Dispatcher":
        """The dispatcher of one gateway."""
        return Dispatcher(self, desk)


@dataclass
class _Running:
    delivery: Delivery
    generation: int
    task: asyncio.Task[None]


class Dispatcher:
    """A loop on every gateway: takes leases of sinks, and runs a task for each it has."""

    def __init__(
        self, needs: Needs, desk: Callable[[], Desk], lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._needs, self._desk, self._lease = needs, desk, lease_seconds
        self._me, self._running = new_id(), dict[str, _Running]()
        self._stopped, self._renewed = asyncio.Event(), time.monotonic()
        self._any = asyncio.Event()
        self._turns, self._ending = asyncio.Semaphore(TURNS), set[asyncio.Task[None]]()

    async def run(self) -> None:
        """Deliver until ``stop``; then leave the sinks to others at once."""
        ringing = asyncio.create_task(self._ring_always())
        try:
            while not self._stopped.is_set():
                self._needs.bell.event.clear()
                await self._look()
                often = 5 if self._running else 2
                await wait(self._needs.bell.event, self._lease / often)
        finally:
            ringing.cancel()
            await self._finish()
            with suppress(Unavailable):  # then the leases have to lapse
                async with self._desk().transaction() as tx:
                    await tx.run("leave_sinks", self._me)

    def stop(self) -> None:
        """End ``run``."""
        self._stopped.set()
        self._needs.bell.ring()

    async def _finish(self) -> None:
        for each in self._running.values():
            each.delivery.stop()
        tasks = [each.task for each in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        self._keep(set())

    async def _look(self) -> None:
        try:
            rows = await self._claim()
        except Unavailable:
            if time.monotonic() - self._renewed > self._lease:
                self._keep(set())
            return
        self._renewed = time.monotonic()
        self._keep({row["id"] for row in rows if self._same(row)})
        for row in rows:
            if row["id"] not in self._running:
                self._start(row)
        SINKS.set(len(self._running))
        if self._running:
            self._any.set()
        else:
            self._any.clear()

    async def _claim(self) -> list[Record]:
        async with self._desk().transaction() as tx:
            return await tx.rows("claim_sinks", self._me, self._lease, MOST)

    def _same(self, row: Record) -> bool:
        """Whether it is delivered for as it is now."""
        found = self._running.get(row["id"])
        return found is not None and found.generation == row["generation"]

    def _start(self, row: Record) -> None:
        try:
            sink = Sink.of(row, self._needs.cipher)
        except StowageError as error:
            _log.error("sink.unusable", sink=row["id"], code=error.code, cause=error.cause)
            return
        journal = Journal(sink, self._me, self._desk(), self._turns)
        delivery = Delivery(journal, self._needs.senders.of(sink))
        task = asyncio.create_task(self._deliver(sink, delivery), name=f"sink {sink.id}")
        self._running[sink.id] = _Running(delivery, sink.generation, task)

    async def _deliver(self, sink: Sink, delivery: Delivery) -> None:
        try:
            await delivery.run()
        except Lost:
            _log.info("sink.left", sink=sink.id)
        except Exception:
            _log.exception("sink.broke", sink=sink.id)
            await asyncio.sleep(self._lease / 5)

    def _keep(self, wanted: set[str]) -> None:
        """End what is not wanted, or has ended; nobody waits for the last words of a dead one."""
        gone = [key for key, each in self._running.items() if key not in wanted or each.task.done()]
        for task in [self._running.pop(key).task for key in gone]:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _ring_always(self) -> None:
        """Wake every sink when something happens; without a feed each looks by itself."""
        while not self._stopped.is_set():
            with suppress(Unavailable):
                async with self._listening() as listener:
                    while self._running and not listener.ended:
                        self._wake_all()  # also of what happened before it listened
                        await listener.next(60)
                        listener.behind = False
                    self._wake_all()
            await self._any.wait()

    def _wake_all(self) -> None:
        for each in self._running.values():
            each.delivery.wake.set()

    def _listening(self) -> AbstractAsyncContextManager[Listener]:
        return self._needs.feed.listen(self._desk())
