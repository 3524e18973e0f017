"""The relay: takes what was said from the outbox to the bus, in order for each subject."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from asyncpg import Record
from opentelemetry.trace import SpanKind
from stowage_contracts.errors import StowageError, Unavailable

from stowage_runtime import outbox
from stowage_runtime.backlog import measure_always
from stowage_runtime.backoff import Backoff, delay, wait
from stowage_runtime.bus import Bus
from stowage_runtime.database import Database
from stowage_runtime.leader import Leader
from stowage_runtime.telemetry import error_code, span
from stowage_runtime.transaction import Transactions
from stowage_runtime.wakes import OUTBOX

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RelayLimits:
    """How much at once, and how patiently."""

    subjects: int = 200
    """Subjects under way at once, one message of each; also the most rows read at once."""
    poll_seconds: float = 1.0
    send_seconds: float = 60.0
    drain_seconds: float = 2.0
    """How long a stopping relay goes on with what is already said."""
    refused_cap_seconds: float = 30.0


@dataclass
class Results:
    """What the sends since the last turn came to."""

    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[Record, str]] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    """Subjects no longer under way once this is recorded."""
    away: Unavailable | None = None
    """The broker went away."""

    def __add__(self, later: "Results") -> "Results":
        return Results(
            self.confirmed + later.confirmed, self.refused + later.refused,
            self.finished | later.finished, later.away or self.away,
        )  # fmt: skip


class Relay:
    """Sends the outbox while this instance leads; a row is deleted after its confirm.

    Messages of one subject go one after another, subjects go side by side. Where the bus has no
    queue for a message, only its subject's later messages to the same address wait. A crash
    between confirm and deletion sends again, which inboxes drop.
    """

    def __init__(
        self, transactions: Transactions, leader: Leader, *,
        mandatory: frozenset[str] = frozenset(), limits: RelayLimits | None = None,
    ) -> None:  # fmt: skip
        """``mandatory`` names the events that must have a reader; commands always must."""
        self._transactions, self._source = transactions, transactions.source
        self._bus: Bus = transactions.bus
        self._database: Database = transactions.database
        self._work = transactions.wakes.event(OUTBOX)
        self._leader, self._mandatory = leader, mandatory
        self._limits = limits or RelayLimits()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._results = Results()
        self._backoff = Backoff(first=0.1, cap=2.0)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Relay until ``stop``; then go on for a moment with what is already said."""
        measuring = asyncio.create_task(measure_always(self._transactions, self._stopped))
        try:
            while not self._stopped.is_set():
                if await self._leader.wait(self._stopped):
                    await self._relay()
                    await self._settle()
            await self._drain()
        finally:
            measuring.cancel()
            await self._break_off()

    def stop(self) -> None:
        """End ``run``; whatever is left stays in the outbox for the next leader."""
        self._stopped.set()
        self._work.set()

    async def _relay(self) -> None:
        while self._leader.leading and not self._stopped.is_set():
            self._work.clear()
            try:
                started = await self._turn()
            except Unavailable:
                await wait(self._stopped, self._backoff.next())
                continue
            if not started:
                await wait(self._work, self._limits.poll_seconds)

    async def _drain(self) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                while self._leader.leading and (await self._turn() or self._sending):
                    self._work.clear()
                    await wait(self._work, 0.1)

    async def _settle(self) -> None:
        """No longer leading: let every subject end after the message it is at, and record."""
        if self._sending and not self._stopped.is_set():
            await asyncio.wait(self._sending.values(), timeout=self._limits.send_seconds)
            with suppress(Unavailable):
                await self._exchange(room=0)

    async def _break_off(self) -> None:
        for task in self._sending.values():
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending.values())
        with suppress(Unavailable):  # then they are sent once more
            await self._exchange(room=0)

    async def _turn(self) -> bool:
        """Record results and start what is next; whether anything was.

        Raises Unavailable while the database or the broker is away.
        """
        if not self._bus.connected:
            raise Unavailable("the broker is away", resource="broker", code="broker")
        rows = await self._exchange(self._limits.subjects - len(self._sending))
        self._start(rows)
        return bool(rows)

    async def _exchange(self, room: int) -> list[Record]:
        results, self._results = self._results, Results()
        try:
            rows = await self._record(results, 0 if results.away else room)
        except Unavailable:
            self._results = results + self._results
            raise
        for subject in results.finished:
            del self._sending[subject]
        if results.away:
            raise results.away
        if results.confirmed:
            self._backoff.reset()
        return rows

    async def _record(self, results: Results, room: int) -> list[Record]:
        while results.refused:
            row, reason = results.refused[-1]
            seconds = delay(row["attempts"] + 1, 0.5, self._limits.refused_cap_seconds)
            await self._database.fetch("runtime.refused", row["id"], reason, seconds)
            results.refused.pop()
        under_way = list(self._sending.keys() - results.finished)
        return await self._database.fetch("runtime.turn", results.confirmed, under_way, room)

    def _start(self, rows: list[Record]) -> None:
        chains: dict[str, list[Record]] = {}
        for row in rows:
            chains.setdefault(row["subject"], []).append(row)
        for subject, chain in chains.items():
            self._sending[subject] = asyncio.create_task(self._send_all(subject, chain))

    async def _send_all(self, subject: str, chain: list[Record]) -> None:
        blocked: set[str] = set()
        try:
            for row in chain:
                if not self._leader.leading:
                    break
                if row["to_address"] not in blocked and not await self._send(row):
                    blocked.add(row["to_address"])
        except Unavailable as error:
            self._results.away = error
        finally:
            self._results.finished.add(subject)
            self._work.set()

    async def _send(self, row: Record) -> bool:
        """Whether it was confirmed; raises Unavailable when the broker is away."""
        try:
            with span(f"send {row['type']}", row["traceparent"], SpanKind.PRODUCER):
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._publish(row)
        except Exception as error:
            if isinstance(error, Unavailable) and error.code == "unavailable.broker":
                raise
            _log.warning("message refused by the bus", service=self._source, type=row["type"],
                         message=row["message_id"], to=row["to_address"], code=error_code(error),
                         exc_info=not isinstance(error, StowageError))  # fmt: skip
            self._results.refused.append((row, error_code(error)))
            return False
        self._results.confirmed.append(row["id"])
        return True

    async def _publish(self, row: Record) -> None:
        mandatory = row["mandatory"] or row["type"] in self._mandatory
        envelope = outbox.envelope(row, self._source)
        await self._bus.send(envelope, to=row["to_address"], mandatory=mandatory)
