"""Sending: subjects side by side, the messages of one subject one after another."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from asyncpg import Record
from opentelemetry.trace import SpanKind
from stowage_contracts.errors import StowageError, Unavailable

from stowage_runtime import outbox
from stowage_runtime.bus.dead_letters import Reason
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.telemetry import error_code, span

_log = structlog.get_logger(__name__)


@dataclass
class Results:
    """What the sends since the last turn of the relay came to."""

    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[Record, Reason]] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    """Subjects no longer under way once this is recorded."""
    away: Unavailable | None = None
    """The broker went away."""

    def __add__(self, later: "Results") -> "Results":
        return Results(
            self.confirmed + later.confirmed,
            self.refused + later.refused,
            self.finished | later.finished,
            later.away or self.away,
        )


@dataclass
class Sending:
    """Rows on their way to the bus."""

    transactions: Transactions
    mandatory: frozenset[str]
    seconds: float
    """Deadline of one send."""
    may_go_on: Callable[[], bool]
    """Asked before each message."""
    done: Callable[[], None]
    """Called when a subject has finished."""
    results: Results = field(default_factory=Results)
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, rows: list[Record]) -> None:
        """Send these, none of whose subjects may be under way."""
        chains: dict[str, list[Record]] = {}
        for row in rows:
            chains.setdefault(row["subject"], []).append(row)
        for subject, chain in chains.items():
            self.under_way[subject] = asyncio.create_task(self._send_all(subject, chain))

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, then break it off."""
        if self.under_way:
            await asyncio.wait(self.under_way.values(), timeout=seconds)
        for task in self.under_way.values():
            task.cancel()
        if self.under_way:
            await asyncio.wait(self.under_way.values())

    async def _send_all(self, subject: str, chain: list[Record]) -> None:
        blocked: set[str] = set()
        try:
            for row in chain:
                if not self.may_go_on():
                    break
                if row["to_address"] not in blocked and not await self._send(row):
                    blocked.add(row["to_address"])
        except Unavailable as error:
            self.results.away = error
        finally:
            self.results.finished.add(subject)
            self.done()

    async def _send(self, row: Record) -> bool:
        """Whether it was confirmed; raises Unavailable when the broker is away."""
        try:
            with span(f"send {row['type']}", row["traceparent"], SpanKind.PRODUCER):
                async with asyncio.timeout(self.seconds):
                    await self._publish(row)
        except Exception as error:
            if isinstance(error, Unavailable) and error.code == "unavailable.broker":
                raise
            _log.warning(
                "message refused by the bus",
                service=self.transactions.source,
                type=row["type"],
                message=row["message_id"],
                to=row["to_address"],
                code=error_code(error),
                exc_info=not isinstance(error, StowageError),
            )
            self.results.refused.append((row, Reason.of(error)))
            return False
        self.results.confirmed.append(row["id"])
        return True

    async def _publish(self, row: Record) -> None:
        mandatory = row["mandatory"] or row["type"] in self.mandatory
        envelope = outbox.envelope(row, self.transactions.source)
        sealed = self.transactions.seal(envelope, row["to_address"])
        await self.transactions.bus.send(sealed, to=row["to_address"], mandatory=mandatory)
