"""The consumer: takes envelopes off the bus and hands messages to the service's handlers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from opentelemetry.trace import Span, SpanKind, use_span
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, StowageError, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages import MESSAGES as KNOWN

from stowage_runtime.backoff import Backoff
from stowage_runtime.bus import Reader, Rejected
from stowage_runtime.database.collisions import retried
from stowage_runtime.handling.batches import Batches
from stowage_runtime.handling.desk import ServiceDesk
from stowage_runtime.handling.transaction import Origin, Received, Transaction, Transactions
from stowage_runtime.service import Handler, Service
from stowage_runtime.telemetry import current_traceparent, error_code, span
from stowage_runtime.telemetry.metrics import MESSAGE_SECONDS, MESSAGES

D = TypeVar("D")
HOLD_SECONDS = 60.0
"""How long a delivery waits in place for an absent database, so that a restart reorders nothing."""
SIGNAL_SECONDS = 0.1
"""How long a signal waits for others."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Delivery:
    """A message on its way to its handler, and the span it is handled in."""

    received: Received
    message: Message
    handle: Handler[Any]
    span: Span


class Consumer(Generic[D]):
    """Delivers to one service; ``deliver``, ``hear`` and ``answer`` are what the bus calls.

    Deliveries that wait at the same time share a transaction.
    """

    def __init__(
        self,
        service: Service[D],
        transactions: Transactions,
        hold_seconds: float = HOLD_SECONDS,
        signal_seconds: float = SIGNAL_SECONDS,
    ) -> None:
        self.service, self.transactions = service, transactions
        self._hold = hold_seconds
        self._durable = Batches(self._receive, gather_seconds=service.gather_seconds)
        self._signals = Batches(self._hear, gather_seconds=signal_seconds)

    @property
    def reader(self) -> Reader:
        """The service's share of the bus."""
        service = self.service
        return Reader(
            service.name,
            tuple(service.handlers),
            tuple(service.requests),
            tuple(service.signals),
            service.ingress is not None,
        )

    async def deliver(self, envelope: Envelope) -> None:
        """Handle once and commit; a second delivery has no effect.

        Raises Rejected for what no retry can help (unknown, malformed, refused as invalid) and,
        after ``hold_seconds``, Unavailable; that and anything else is for the bus to retry.
        """
        with self._handling("durable", envelope) as running:
            try:
                delivery = _delivery(envelope, self.service.handlers, running)
                await self._held(lambda: self._durable.put(delivery))
            except InvalidInput as error:
                raise Rejected(error.cause) from error

    async def hear(self, envelope: Envelope) -> None:
        """Handle a signal; nothing remembers it, so its handler must not mind repeats."""
        with self._handling("signal", envelope) as running:
            await self._signals.put(_delivery(envelope, self.service.signals, running))

    async def answer(self, envelope: Envelope) -> Envelope:
        """The reply to a request; raises the handler's error, which travels back.

        Requests are idempotent: one whose transaction collided is asked once more.
        """
        with self._handling("request", envelope):
            message = envelope.message()
            handler = _of(message, self.service.requests)
            desk = ServiceDesk(self.transactions, envelope)
            reply = await retried(lambda: handler(message, desk, self.service.deps))
            return Envelope.of(
                reply,
                source=self.service.name,
                traceparent=current_traceparent(),
                correlationid=envelope.correlationid or envelope.id,
                causationid=envelope.id,
            )

    async def take(self, envelope: Envelope) -> None:
        """Handle a foreign message once and commit; raises the error it is refused with."""
        take = self.service.ingress
        if take is None:
            raise TypeError(f"{self.service.name} takes no foreign messages")

        # A stranger who knows an id must not make us take one of our own messages for repeated.
        theirs = envelope.model_copy(update={"source": f"ingress/{envelope.source}"})

        with self._handling("ingress", envelope):
            received = Received(theirs, Origin.of(theirs))

            async def once() -> None:
                async with self.transactions.receive([received]) as found:
                    if found[0] is not None:
                        await take(envelope, found[0], self.service.deps)

            await self._held(once)

    async def _receive(self, deliveries: Sequence[Delivery]) -> None:
        async with self.transactions.receive([each.received for each in deliveries]) as found:
            new = [(each, tx) for each, tx in zip(deliveries, found, strict=True) if tx]
            await self._handle(new)

    async def _hear(self, deliveries: Sequence[Delivery]) -> None:
        async with self.transactions.signalled([each.received for each in deliveries]) as found:
            await self._handle(list(zip(deliveries, found, strict=True)))

    async def _handle(self, new: Sequence[tuple[Delivery, Transaction]]) -> None:
        service = self.service
        if service.ahead is not None and new:
            await service.ahead([each.message for each, _ in new], new[0][1], service.deps)
        for each, tx in new:
            with use_span(each.span, record_exception=False, set_status_on_exception=False):
                await each.handle(each.message, tx, service.deps)

    async def _held(self, handle: Callable[[], Awaitable[None]]) -> None:
        backoff, until = Backoff(first=0.1, cap=5.0), time.monotonic() + self._hold
        while True:
            try:
                return await retried(handle)
            except Unavailable as error:
                if error.code != "unavailable.database" or time.monotonic() >= until:
                    raise
            await asyncio.sleep(backoff.next())

    @contextmanager
    def _handling(self, lane: str, envelope: Envelope) -> Iterator[Span]:
        kind = envelope.type if envelope.type in KNOWN else "unknown"
        labels = {"service": self.service.name, "lane": lane, "type": kind}
        began, outcome = time.monotonic(), "done"
        try:
            with (
                span(
                    f"handle {envelope.type}",
                    envelope.traceparent,
                    SpanKind.CONSUMER,
                    message=envelope.id,
                    subject=envelope.subject,
                ) as running,
                _told(envelope, labels),
            ):
                yield running
        except Exception as error:
            outcome = error_code(error)
            raise
        finally:
            MESSAGES.add(1, labels | {"outcome": outcome})
            MESSAGE_SECONDS.record(time.monotonic() - began, labels)


def _delivery(envelope: Envelope, handlers: Mapping[type[Message], Any], running: Span) -> Delivery:
    message = envelope.message()
    origin = Origin.of(envelope, current_traceparent())
    return Delivery(Received(envelope, origin), message, _of(message, handlers), running)


def _of(message: Message, handlers: Mapping[type[Message], Any]) -> Any:
    handler = handlers.get(type(message))
    if handler is None:
        raise InvalidInput(
            f"nobody here handles {type(message).__name__}",
            code="unknown_message",
            hint="it was sent to the wrong service, or this one is older than its sender",
        )
    return handler


@contextmanager
def _told(envelope: Envelope, labels: dict[str, str]) -> Iterator[None]:
    """A line for each message, inside its span so that the line carries the trace."""
    facts = {"message": envelope.id, "subject": envelope.subject, **labels}
    try:
        yield
    except Exception as error:
        code = error_code(error)
        _log.warning("message failed", **facts, code=code, exc_info=_unforeseen(error))
        raise
    _log.debug("message handled", **facts)


def _unforeseen(error: Exception) -> bool:
    return not isinstance(error, StowageError | Rejected)
