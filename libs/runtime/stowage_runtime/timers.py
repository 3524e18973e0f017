"""Timers: what a service does by the clock, on one instance at a time."""

import asyncio
from typing import Generic, TypeVar

import structlog
from stowage_contracts.errors import StowageError

from stowage_runtime.backoff import wait
from stowage_runtime.database.leader import Leader
from stowage_runtime.handling import inbox
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Service, Timer
from stowage_runtime.telemetry import error_code, span
from stowage_runtime.telemetry.metrics import TIMERS

D = TypeVar("D")
LIMIT_SECONDS = 60.0
"""How long one run of a timer may take."""
_log = structlog.get_logger(__name__)


class Timers(Generic[D]):
    """Runs a service's timers, and the runtime's own, while this instance leads."""

    def __init__(self, service: Service[D], transactions: Transactions, leader: Leader) -> None:
        self._deps, self._transactions, self._leader = service.deps, transactions, leader
        own: Timer[D] = Timer("prune inbox", 600, _prune_inbox)
        self._timers = (*service.timers, own)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Run every timer at once when this instance begins to lead, then by its period."""
        async with asyncio.TaskGroup() as group:
            for timer in self._timers:
                group.create_task(self._keep(timer))

    def stop(self) -> None:
        """Start no further run; ``run`` ends when those under way have."""
        self._stopped.set()

    async def _keep(self, timer: Timer[D]) -> None:
        while not self._stopped.is_set():
            if not await self._leader.wait(self._stopped):
                continue
            await run_once(timer, self._transactions, self._deps)
            await wait(self._stopped, timer.seconds)


async def run_once(timer: Timer[D], transactions: Transactions, deps: D) -> None:
    """One run in one transaction; a failure is logged and counted, the next run comes anyway."""
    labels = {"service": transactions.source, "timer": timer.name}
    outcome = "done"
    try:
        with span(f"timer {timer.name}"):
            async with asyncio.timeout(LIMIT_SECONDS), transactions.begin() as tx:
                # held until the commit: two who both think they lead do not run it together
                if await tx.value("runtime.alone", f"{transactions.database.schema}/{timer.name}"):
                    await timer.run(tx, deps)
    except Exception as error:
        outcome = error_code(error)
        _log.warning(
            "timer failed", **labels, code=outcome, exc_info=not isinstance(error, StowageError)
        )
    TIMERS.add(1, labels | {"outcome": outcome})


async def _prune_inbox(tx: Tx, _deps: object) -> None:
    await inbox.prune(tx)
