"""Transactions: what a handler changed, said and intended commits together or not at all."""

from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncpg import Record
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Kind, Message
from stowage_contracts.values import Value

from stowage_runtime import outbox
from stowage_runtime.bus import Bus
from stowage_runtime.database import Database
from stowage_runtime.database.translating import translated
from stowage_runtime.database.wakes import INTENTS, OUTBOX, Wakes
from stowage_runtime.handling import inbox
from stowage_runtime.handling.deferred import Work
from stowage_runtime.handling.unit import Unit
from stowage_runtime.orders import Seal, unsealed
from stowage_runtime.outbox.fresh import Fresh
from stowage_runtime.telemetry import current_traceparent


@dataclass(frozen=True)
class Origin:
    """The conversation a transaction belongs to; empty where it starts one."""

    correlation: str = ""
    causation: str = ""
    traceparent: str = ""
    """The span all of it belongs to; else whichever runs at the time."""

    @classmethod
    def of(cls, cause: Envelope | None, traceparent: str = "") -> "Origin":
        """What follows from handling ``cause``."""
        if cause is None:
            return cls()
        return cls(cause.correlationid or cause.id, cause.id, traceparent)


class Transaction:
    """Implements ``Tx`` for one message, timer or route; made by ``Transactions`` only."""

    def __init__(self, unit: Unit, source: str, origin: Origin) -> None:
        self.cause: Envelope | None = None
        self._unit, self._source, self._origin = unit, source, origin

    @property
    def now(self) -> datetime:
        return self._unit.now

    @property
    def memo(self) -> dict[Hashable, Any]:
        return self._unit.memo

    async def rows(self, query: str, *args: Any) -> list[Record]:
        return await self._unit.ask(self._unit.connection.fetch, query, args)

    async def row(self, query: str, *args: Any) -> Record | None:
        return await self._unit.ask(self._unit.connection.fetchrow, query, args)

    async def value(self, query: str, *args: Any) -> Any:
        return await self._unit.ask(self._unit.connection.fetchval, query, args)

    async def run(self, query: str, *args: Any) -> int:
        status = await self._unit.ask(self._unit.connection.execute, query, args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def behind(self, key: Hashable, write: Work) -> None:
        self._unit.deferred.behind(key, write)

    def at_last(self, key: Hashable, work: Work) -> None:
        self._unit.deferred.at_last(key, work)

    async def say(self, *messages: Message, to: str = "") -> None:
        for message in messages:
            _check_sayable(message, to)
            self._unit.said.append((self._envelope(message), to))

    async def intend(
        self, kind: str, payload: Value, *, key: str = "", within: timedelta, after: float = 0
    ) -> None:
        self._unit.intended = True
        await self.run(
            "runtime.intend",
            kind,
            key,
            payload.model_dump(mode="json"),
            self._traceparent,
            self._origin.correlation,
            self._origin.causation,
            within,
            float(after),
        )

    def signal(self, message: Message) -> None:
        if message.kind is not Kind.SIGNAL:
            raise TypeError(f"{type(message).__name__} is not a signal")
        self._unit.signals.append(self._envelope(message))

    @property
    def _traceparent(self) -> str:
        return self._origin.traceparent or current_traceparent()

    def _envelope(self, message: Message) -> Envelope:
        envelope = Envelope.of(
            message,
            source=self._source,
            time=self.now,
            traceparent=self._traceparent,
            correlationid=self._origin.correlation,
            causationid=self._origin.causation,
        )
        if envelope.correlationid:
            return envelope
        return envelope.model_copy(update={"correlationid": envelope.id})


@dataclass(frozen=True)
class Received:
    """A message to be handled, and the conversation it belongs to."""

    envelope: Envelope
    origin: Origin


@dataclass(frozen=True)
class Transactions:
    """Opens the transactions of one service."""

    source: str
    """The service's name."""
    database: Database
    bus: Bus
    """Signals go there after the commit; everything else through the outbox."""
    wakes: Wakes
    seal: Seal = unsealed
    """Applied to what leaves the outbox, with its address."""
    fresh: Fresh = field(default_factory=Fresh)
    """What was said, on the short way to the relay."""

    @asynccontextmanager
    async def begin(
        self, cause: Envelope | None = None, origin: Origin | None = None
    ) -> AsyncIterator[Transaction]:
        """A transaction that commits on leaving; raises Unavailable when the database is away."""
        async with self._unit("runtime.now") as (unit, _):
            yield self._transaction(unit, cause, origin or Origin.of(cause))

    @asynccontextmanager
    async def signalled(self, messages: Sequence[Received]) -> AsyncIterator[list[Transaction]]:
        """One transaction for signals, which nothing remembers."""
        async with self._unit("runtime.now") as (unit, _):
            yield [self._transaction(unit, each.envelope, each.origin) for each in messages]

    @asynccontextmanager
    async def receive(
        self, messages: Sequence[Received]
    ) -> AsyncIterator[list[Transaction | None]]:
        """One transaction that handles these; None for each that was handled before.

        Waits while another delivery of the same message is being handled.
        """
        keys = [inbox.key(each.envelope) for each in messages]
        async with self._unit("runtime.received", sorted(set(keys))) as (unit, rows):
            new = {row["message_id"] for row in rows}
            found: list[Transaction | None] = []
            for key, each in zip(keys, messages, strict=True):
                known = key not in new
                new.discard(key)
                found.append(None if known else self._transaction(unit, each.envelope, each.origin))
            yield found

    def _transaction(self, unit: Unit, cause: Envelope | None, origin: Origin) -> Transaction:
        tx = Transaction(unit, self.source, origin)
        tx.cause = cause
        return tx

    @asynccontextmanager
    async def _unit(self, query: str, *args: Any) -> AsyncIterator[tuple[Unit, list[Record]]]:
        async with self.database.begin() as connection:
            with translated():
                rows = await connection.fetch(self.database.queries[query], *args)
            unit = Unit(connection, self.database.queries, rows[0][-1] if rows else NEVER)
            yield unit, rows
            await unit.deferred.finish()
            numbered = await self._say(unit)
        await self._committed(unit, numbered)

    async def _say(self, unit: Unit) -> list[outbox.Numbered]:
        """Put what was said into the outbox, as the last statement before the commit."""
        if not unit.said:
            return []
        rows = [outbox.row(envelope, to) for envelope, to in unit.said]
        given = await unit.ask(unit.connection.fetch, "runtime.say", (rows,))
        return outbox.numbered(unit.said, given)

    async def _committed(self, unit: Unit, numbered: list[outbox.Numbered]) -> None:
        if numbered:
            self.wakes.ring(OUTBOX, others=not self.fresh.put(numbered))
        if unit.intended:
            self.wakes.ring(INTENTS)
        for envelope in unit.signals:
            await self.bus.signal(envelope)


NEVER = datetime.fromtimestamp(0, UTC)
"""Nobody asks a transaction without a new message for its time."""


def _check_sayable(message: Message, to: str) -> None:
    if message.kind not in {Kind.COMMAND, Kind.EVENT}:
        raise TypeError(f"a {message.kind.value} cannot be said: {type(message).__name__}")
    if (message.kind is Kind.COMMAND) != bool(to):
        raise TypeError(f"commands have an address, events none: {type(message).__name__}")
