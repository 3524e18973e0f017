"""The desk of request handlers, intent workers and routes: transactions and questions."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Kind, Message

from stowage_runtime.handling.transaction import Origin, Transaction, Transactions
from stowage_runtime.telemetry import current_traceparent


@dataclass
class ServiceDesk:
    """Implements ``Desk`` for one request, intent or HTTP call."""

    transactions: Transactions
    cause: Envelope | None = None
    origin: Origin | None = None
    """The conversation it belongs to; follows from ``cause`` when not given."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A short transaction; commits on leaving. Raises Unavailable."""
        return self.transactions.begin(self.cause, self.origin)

    async def ask(self, message: Message, *, to: str, seconds: float = 10) -> Message:
        """Bus request; raises the error the other side raised, or Unavailable."""
        if message.kind is not Kind.REQUEST:
            raise TypeError(f"{type(message).__name__} is not a request")
        origin = self.origin or Origin.of(self.cause)
        envelope = Envelope.of(
            message,
            source=self.transactions.source,
            traceparent=current_traceparent(),
            correlationid=origin.correlation,
            causationid=origin.causation,
        )
        return await self.transactions.bus.request(envelope, to=to, seconds=seconds)
