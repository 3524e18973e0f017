"""The bench: one service on a real database, driven step by step by a test."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message

from stowage_runtime import outbox
from stowage_runtime.database import Database, Limits
from stowage_runtime.database.wakes import Wakes
from stowage_runtime.handling.consumer import Consumer
from stowage_runtime.handling.desk import ServiceDesk
from stowage_runtime.handling.transaction import Transaction, Transactions
from stowage_runtime.intents import IntentWorkers
from stowage_runtime.service import Service
from stowage_runtime.testing.bench_bus import BenchBus

D = TypeVar("D")


@dataclass(frozen=True)
class Said:
    """A message in the outbox, where it goes and how it was wrapped."""

    message: Message
    to: str
    envelope: Envelope


@dataclass
class ServiceBench(Generic[D]):
    """Handles messages, runs intents and timers when told to; nothing runs by itself."""

    service: Service[D]
    database: Database
    bus: BenchBus = field(default_factory=BenchBus)

    def __post_init__(self) -> None:
        self.transactions = Transactions(
            self.service.name, self.database, self.bus, Wakes(self.database)
        )
        alone = replace(self.service, gather_seconds=0)
        self.consumer = Consumer(alone, self.transactions, hold_seconds=0, signal_seconds=0)

    @classmethod
    @asynccontextmanager
    async def open(cls, service: Service[D], database_url: str) -> AsyncIterator["ServiceBench[D]"]:
        """A bench on a migrated schema of that database."""
        schema = service.package.rpartition(".")[2]
        database = await Database.open(database_url, schema, service.package, Limits(connections=4))
        try:
            await database.migrate()
            yield cls(service, database)
        finally:
            await database.close()

    async def handle(
        self, message: Message, *, source: str = "", id: str = "", **attributes: Any
    ) -> list[Message]:
        """Deliver on the durable lane; what it made the service say. Raises as a bus would see.

        Give ``id`` to deliver the same message twice.
        """
        before = len(await self.sent())
        await self.consumer.deliver(_wrapped(message, source, id, attributes))
        return [said.message for said in (await self.sent())[before:]]

    async def hear(self, signal: Message, *, source: str = "") -> None:
        """Deliver a signal."""
        await self.consumer.hear(_wrapped(signal, source, "", {}))

    async def ask(self, request: Message, *, source: str = "test") -> Message:
        """Ask the service; the reply, or the error it raised."""
        reply = await self.consumer.answer(_wrapped(request, source, "", {}))
        return reply.message()

    async def said(self, *kinds: type[Message]) -> list[Message]:
        """Everything in the outbox in order, or only messages of these kinds."""
        return [s.message for s in await self.sent() if not kinds or isinstance(s.message, kinds)]

    async def sent(self) -> list[Said]:
        """Everything in the outbox in order, with addresses and envelopes."""
        rows = await self.database.fetch("runtime.said")
        return [
            Said(envelope.message(), row["to_address"], envelope)
            for row in rows
            for envelope in [outbox.envelope(row, self.service.name)]
        ]

    async def forget(self) -> None:
        """Empty the outbox, as if everything had been delivered."""
        await self.database.fetch("runtime.forget_said")

    async def intents(self, kind: str = "") -> list[Any]:
        """Payloads of the pending intents, of one kind or of all, oldest first."""
        kinds = {item.name: item.payload for item in self.service.intents}
        return [
            kinds[row["kind"]].model_validate(row["payload"])
            for row in await self.database.fetch("runtime.pending")
            if kind in ("", row["kind"])
        ]

    async def run_intents(self) -> int:
        """Carry out what is due now, once; the number of attempts made."""
        return await IntentWorkers(self.service, self.transactions).run_due()

    async def run_timers(self, *names: str) -> None:
        """Run the named timers once, or all; a failing one raises."""
        for timer in self.service.timers:
            if not names or timer.name in names:
                async with self.tx() as tx:
                    await timer.run(tx, self.service.deps)

    async def pass_time(self, by: timedelta) -> None:
        """Move the service's clock (``stowage_now()``, ``tx.now``) forward."""
        await self.database.fetch("runtime.shift_clock", by)

    @property
    def desk(self) -> ServiceDesk:
        """What a route of this service is given."""
        return ServiceDesk(self.transactions)

    def tx(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction of the service, to prepare or look at its rows."""
        return self.transactions.begin()


def _wrapped(message: Message, source: str, id: str, attributes: dict[str, Any]) -> Envelope:
    identity = {"id": id} if id else {}
    return Envelope.of(message, source=source or message.owner.value, **identity, **attributes)
