"""Transactions: what a handler changed, said and intended commits together or not at all."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asyncpg import Record
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Kind, Message
from stowage_contracts.values import Value

from stowage_runtime import outbox
from stowage_runtime.bus import Bus
from stowage_runtime.database import Database, Pooled, queries
from stowage_runtime.database.translating import translated
from stowage_runtime.database.wakes import INTENTS, OUTBOX, Wakes
from stowage_runtime.handling import inbox
from stowage_runtime.orders import Seal, unsealed
from stowage_runtime.telemetry import current_traceparent


@dataclass(frozen=True)
class Origin:
    """The conversation a transaction belongs to; empty where it starts one."""

    correlation: str = ""
    causation: str = ""

    @classmethod
    def of(cls, cause: Envelope | None) -> "Origin":
        """What follows from handling ``cause``."""
        if cause is None:
            return cls()
        return cls(cause.correlationid or cause.id, cause.id)


class Transaction:
    """Implements ``Tx`` on one connection; made by ``Transactions`` only."""

    def __init__(
        self, transactions: "Transactions", connection: Pooled, now: datetime, origin: Origin
    ) -> None:
        self.cause: Envelope | None = None
        self.now = now
        self.signals: list[Envelope] = []
        self.intended = False
        self.said: list[tuple[Envelope, str]] = []
        self._source, self._queries = transactions.source, transactions.database.queries
        self._connection, self._origin = connection, origin

    async def rows(self, query: str, *args: Any) -> list[Record]:
        with translated():
            return await self._connection.fetch(self._text(query), *args)

    async def row(self, query: str, *args: Any) -> Record | None:
        with translated():
            return await self._connection.fetchrow(self._text(query), *args)

    async def value(self, query: str, *args: Any) -> Any:
        with translated():
            return await self._connection.fetchval(self._text(query), *args)

    async def run(self, query: str, *args: Any) -> int:
        with translated():
            status = await self._connection.execute(self._text(query), *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def say(self, *messages: Message, to: str = "") -> None:
        for message in messages:
            _check_sayable(message, to)
            self.said.append((self._envelope(message), to))

    async def intend(
        self, kind: str, payload: Value, *, key: str = "", within: timedelta, after: float = 0
    ) -> None:
        self.intended = True
        await self.run(
            "runtime.intend",
            kind,
            key,
            payload.model_dump(mode="json"),
            current_traceparent(),
            self._origin.correlation,
            self._origin.causation,
            within,
            float(after),
        )

    def signal(self, message: Message) -> None:
        if message.kind is not Kind.SIGNAL:
            raise TypeError(f"{type(message).__name__} is not a signal")
        self.signals.append(self._envelope(message))

    async def flush(self) -> None:
        """Put what was said into the outbox; once, as the last statement before the commit."""
        if self.said:
            await self.run("runtime.say", [outbox.row(envelope, to) for envelope, to in self.said])

    def _envelope(self, message: Message) -> Envelope:
        envelope = Envelope.of(
            message,
            source=self._source,
            time=self.now,
            traceparent=current_traceparent(),
            correlationid=self._origin.correlation,
            causationid=self._origin.causation,
        )
        if envelope.correlationid:
            return envelope
        return envelope.model_copy(update={"correlationid": envelope.id})

    def _text(self, query: str) -> str:
        return queries.named(self._queries, query)


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

    def begin(
        self, cause: Envelope | None = None, origin: Origin | None = None
    ) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that commits on leaving; raises Unavailable when the database is away."""
        return self._begin(cause, origin or Origin.of(cause), "runtime.now")

    def receive(self, envelope: Envelope) -> AbstractAsyncContextManager[Transaction]:
        """The transaction that handles a message; raises Duplicate if an earlier one did.

        Waits while another delivery of the same message is being handled.
        """
        return self._begin(envelope, Origin.of(envelope), "runtime.received", inbox.key(envelope))

    @asynccontextmanager
    async def _begin(
        self, cause: Envelope | None, origin: Origin, query: str, *args: str
    ) -> AsyncIterator[Transaction]:
        async with self.database.begin() as connection:
            with translated():
                now = await connection.fetchval(self.database.queries[query], *args)
            if now is None:
                raise inbox.Duplicate
            tx = Transaction(self, connection, now, origin)
            tx.cause = cause
            yield tx
            await tx.flush()
        await self._committed(tx)

    async def _committed(self, tx: Transaction) -> None:
        if tx.said:
            self.wakes.ring(OUTBOX)
        if tx.intended:
            self.wakes.ring(INTENTS)
        for envelope in tx.signals:
            await self.bus.signal(envelope)


def _check_sayable(message: Message, to: str) -> None:
    if message.kind not in {Kind.COMMAND, Kind.EVENT}:
        raise TypeError(f"a {message.kind.value} cannot be said: {type(message).__name__}")
    if (message.kind is Kind.COMMAND) != bool(to):
        raise TypeError(f"commands have an address, events none: {type(message).__name__}")
