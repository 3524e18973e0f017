"""The consumer: takes envelopes off the bus and hands messages to the service's handlers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from opentelemetry.trace import SpanKind
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, StowageError, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages import MESSAGES as KNOWN

from stowage_runtime.backoff import Backoff
from stowage_runtime.bus import Reader, Rejected
from stowage_runtime.database.collisions import retried
from stowage_runtime.handling.desk import ServiceDesk
from stowage_runtime.handling.inbox import Duplicate
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.service import Handler, Service
from stowage_runtime.telemetry import current_traceparent, error_code, span
from stowage_runtime.telemetry.metrics import MESSAGE_SECONDS, MESSAGES

D = TypeVar("D")
HOLD_SECONDS = 60.0
"""How long a delivery waits in place for an absent database, so that a restart reorders nothing."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Consumer(Generic[D]):
    """Delivers to one service; ``deliver``, ``hear`` and ``answer`` are what the bus calls."""

    service: Service[D]
    transactions: Transactions
    hold_seconds: float = HOLD_SECONDS

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
        with self._handling("durable", envelope):
            try:
                message = envelope.message()
                handler = _of(message, self.service.handlers)
                await self._held(lambda: self._handle(handler, message, envelope))
            except InvalidInput as error:
                raise Rejected(error.cause) from error

    async def hear(self, envelope: Envelope) -> None:
        """Handle a signal; nothing remembers it, so its handler must not mind repeats."""
        with self._handling("signal", envelope):
            message = envelope.message()
            handler = _of(message, self.service.signals)
            async with self.transactions.begin(envelope) as tx:
                await handler(message, tx, self.service.deps)

    async def answer(self, envelope: Envelope) -> Envelope:
        """The reply to a request; raises the handler's error, which travels back."""
        with self._handling("request", envelope):
            message = envelope.message()
            handler = _of(message, self.service.requests)
            desk = ServiceDesk(self.transactions, envelope)
            reply = await handler(message, desk, self.service.deps)
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

        async def once() -> None:
            with suppress(Duplicate):
                async with self.transactions.receive(theirs) as tx:
                    await take(envelope, tx, self.service.deps)

        with self._handling("ingress", envelope):
            await self._held(once)

    async def _handle(self, handler: Handler[D], message: Message, envelope: Envelope) -> None:
        with suppress(Duplicate):
            async with self.transactions.receive(envelope) as tx:
                await handler(message, tx, self.service.deps)

    async def _held(self, handle: Callable[[], Awaitable[None]]) -> None:
        backoff, until = Backoff(first=0.1, cap=5.0), time.monotonic() + self.hold_seconds
        while True:
            try:
                return await retried(handle)
            except Unavailable as error:
                if error.code != "unavailable.database" or time.monotonic() >= until:
                    raise
            await asyncio.sleep(backoff.next())

    @contextmanager
    def _handling(self, lane: str, envelope: Envelope) -> Iterator[None]:
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
                ),
                _told(envelope, labels),
            ):
                yield
        except Exception as error:
            outcome = error_code(error)
            raise
        finally:
            MESSAGES.add(1, labels | {"outcome": outcome})
            MESSAGE_SECONDS.record(time.monotonic() - began, labels)


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
