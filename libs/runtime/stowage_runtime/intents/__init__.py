"""Intents: workers lease side effects and carry them out, outside any transaction."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from asyncpg import Record
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import new_id

from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.database.wakes import INTENTS
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.intents.attempt import Attempt
from stowage_runtime.service import Service

D = TypeVar("D")
LEASE_SECONDS = 30.0
POLL_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class IntentWorkers(Generic[D]):
    """Runs a service's due intents, of each kind at most ``parallel`` at a time.

    A lease is renewed while its intent runs. A worker that dies, or cannot renew, loses it, and
    another takes over: what an intent does must be idempotent.
    """

    def __init__(
        self, service: Service[D], transactions: Transactions, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._kinds = {kind.name: kind for kind in service.intents}
        self._deps, self._transactions = service.deps, transactions
        self._database, self._lease = transactions.database, lease_seconds
        self._me, self._stopped = new_id(), asyncio.Event()
        self._work = transactions.wakes.event(INTENTS)
        self._running: dict[asyncio.Task[None], Attempt[D]] = {}

    async def run(self) -> None:
        """Work until ``stop``, then let what runs finish."""
        renewer = asyncio.create_task(self._renew_always())
        try:
            await self._work_always()
            if self._running:
                await asyncio.wait(self._running)
        finally:
            renewer.cancel()
            await self._hand_back()

    def stop(self) -> None:
        """Take nothing new; cancel ``run`` to hand back what has not finished in time."""
        self._stopped.set()
        self._work.set()

    async def run_due(self) -> int:
        """Carry out what is due now and wait for it; the number of attempts."""
        started = await self._start_due()
        if started:
            await asyncio.wait(started)
        return len(started)

    async def _work_always(self) -> None:
        backoff = Backoff(first=0.2, cap=5.0)
        while not self._stopped.is_set():
            self._work.clear()
            try:
                started = await self._start_due()
                backoff.reset()
            except Unavailable:
                await wait(self._stopped, backoff.next())
                continue
            if not started:
                await wait(self._work, POLL_SECONDS)

    async def _start_due(self) -> list[asyncio.Task[None]]:
        busy = Counter(attempt.kind.name for attempt in self._running.values())
        free = {name: kind.parallel - busy[name] for name, kind in self._kinds.items()}
        kinds = [name for name in free if free[name] > 0]
        if not kinds:
            return []
        rows = await self._database.fetch(
            "runtime.claim", self._me, self._lease, kinds, [free[name] for name in kinds]
        )
        return [self._start(row) for row in rows]

    def _start(self, row: Record) -> asyncio.Task[None]:
        attempt = Attempt(row, self._kinds[row["kind"]], self._deps, self._transactions)
        task = asyncio.create_task(attempt.carry_out())
        self._running[task] = attempt
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task)
        self._work.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("intent attempt broke", error=type(error).__name__, exc_info=error)

    async def _renew_always(self) -> None:
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await self._renew()
                renewed = time.monotonic()
            except Unavailable:
                if time.monotonic() - renewed >= self._lease:
                    self._abandon(list(self._running))

    async def _renew(self) -> None:
        mine = dict(self._running)
        if mine:
            ids = [attempt.row["id"] for attempt in mine.values()]
            rows = await self._database.fetch("runtime.renew", self._me, self._lease, ids)
            kept = {row["id"] for row in rows}
            self._abandon(task for task in mine if mine[task].row["id"] not in kept)

    def _abandon(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        for task in tasks:
            # one that is recording finds out for itself, under the row's lock
            if task in self._running and not self._running[task].recording:
                task.cancel()

    async def _hand_back(self) -> None:
        """What was cut short may be taken up by another instance at once."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            with suppress(Unavailable):  # then the lease has to lapse
                await self._database.fetch("runtime.hand_back", self._me)
