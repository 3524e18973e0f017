"""One attempt at one intent: run it, then record the outcome while the lease is still ours."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

import structlog
from asyncpg import Record
from stowage_contracts.errors import Retry, StowageError, Unavailable
from stowage_contracts.values import Value

from stowage_runtime.backoff import Backoff, delay
from stowage_runtime.database.collisions import retried
from stowage_runtime.handling.desk import ServiceDesk
from stowage_runtime.handling.transaction import Origin, Transaction, Transactions
from stowage_runtime.service import IntentKind, Settle
from stowage_runtime.telemetry import error_code, span
from stowage_runtime.telemetry.metrics import INTENT_SECONDS, INTENTS

D = TypeVar("D")
GRACE = timedelta(seconds=30)
"""An attempt has at least so long, also one that starts near or after its deadline."""
FIRST_SECONDS, CAP_SECONDS = 0.5, 60.0
HOLD_SECONDS = 600.0
"""How long an outcome waits for an absent database before the intent is left to its lease."""

_log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The lease went to another worker, who will record the outcome."""


@dataclass
class Attempt(Generic[D]):
    """A leased intent row and what is needed to carry it out."""

    row: Record
    kind: IntentKind[D]
    deps: D
    transactions: Transactions
    recording: bool = field(default=False, init=False)
    """The outcome is known and being written: too late to cancel."""
    _began: float = field(default_factory=time.monotonic, init=False)

    async def carry_out(self) -> None:
        """Run and record; never raises but when cancelled."""
        with span(f"intent {self.kind.name}", self.row["traceparent"], key=self.row["key"]):
            outcome = await self._outcome()
        INTENTS.add(1, self._labels | {"outcome": outcome})
        INTENT_SECONDS.record(time.monotonic() - self._began, self._labels)

    async def _outcome(self) -> str:
        try:
            payload = self.kind.payload.model_validate(self.row["payload"])
            try:
                settle = await self._run(payload)
                await self._record(lambda: self._done(settle))
            except Superseded:
                raise
            except Exception as error:
                return await self._failed(payload, error)
        except Superseded:
            return "superseded"
        except Exception as error:  # even giving up failed, or the payload cannot be read
            self._log(failure := error, "intent stuck")
            await self._record(lambda: self._postpone(failure, CAP_SECONDS))
            return "stuck"
        return "done"

    async def _run(self, payload: Value) -> Settle:
        row = self.row
        overdue = Unavailable(
            row["last_error"] or "not done by its deadline", resource=row["key"], code="deadline"
        )
        if row["attempts"] > 1 and row["now"] >= row["deadline"]:
            raise overdue
        allowed = max(row["deadline"] - row["now"], GRACE).total_seconds()
        try:
            async with asyncio.timeout(allowed) as limit:
                return await self.kind.run(payload, self._desk, self.deps)
        except TimeoutError:
            if limit.expired():
                raise overdue from None
            raise

    async def _failed(self, payload: Value, error: Exception) -> str:
        wait = delay(self.row["attempts"], FIRST_SECONDS, CAP_SECONDS)
        elapsed = time.monotonic() - self._began
        next_try = self.row["now"] + timedelta(seconds=elapsed + wait)
        if _again(error) and next_try < self.row["deadline"]:
            await self._record(lambda: self._postpone(error, wait))
            return "postponed"
        self._log(error, "intent given up")
        await self._record(lambda: self._give_up(payload, _known(error, self.kind.name)))
        return "given_up"

    async def _record(self, write: Callable[[], Awaitable[None]]) -> None:
        self.recording = True
        backoff, until = Backoff(first=0.1, cap=5.0), time.monotonic() + HOLD_SECONDS
        while True:
            try:
                return await retried(write)
            except Unavailable as error:
                if error.code != "unavailable.database" or time.monotonic() > until:
                    raise
            await asyncio.sleep(backoff.next())

    async def _done(self, settle: Settle) -> None:
        async with self._desk.transaction() as tx:
            await self._end(tx)
            await settle(tx)

    async def _give_up(self, payload: Value, error: StowageError) -> None:
        async with self._desk.transaction() as tx:
            await self._end(tx)
            await self.kind.give_up(payload, error, tx, self.deps)

    async def _postpone(self, error: Exception, wait: float) -> None:
        self._log(error, "intent postponed")
        async with self._desk.transaction() as tx:
            if not await tx.run("runtime.postpone", *self._lease, wait, _told(error)):
                raise Superseded

    async def _end(self, tx: Transaction) -> None:
        # first, so that the outcome may intend the same key again
        if not await tx.run("runtime.settle", *self._lease):
            raise Superseded

    @property
    def _lease(self) -> tuple[int, str, int]:
        return self.row["id"], self.row["owner"], self.row["attempts"]

    @property
    def _desk(self) -> ServiceDesk:
        origin = Origin(self.row["correlation"], self.row["causation"])
        return ServiceDesk(self.transactions, origin=origin)

    @property
    def _labels(self) -> dict[str, str]:
        return {"service": self.transactions.source, "kind": self.kind.name}

    def _log(self, error: Exception, event: str) -> None:
        _log.warning(
            event,
            **self._labels,
            key=self.row["key"],
            attempts=self.row["attempts"],
            error=_told(error),
            exc_info=not isinstance(error, StowageError),
        )


def _again(error: Exception) -> bool:
    return not isinstance(error, StowageError) or error.retry is Retry.AGAIN


def _known(error: Exception, kind: str) -> StowageError:
    if isinstance(error, StowageError):
        return error
    return StowageError(
        f"unexpected {type(error).__name__}",
        resource=kind,
        code="unexpected",
        hint="the service's log has the details",
    )


def _told(error: Exception) -> str:
    # the text of an unforeseen error may quote anything, secrets too
    known = isinstance(error, StowageError)
    return f"{error_code(error)}: {error}" if known else error_code(error)
