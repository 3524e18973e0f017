"""What foreign publishers send over RabbitMQ: taken in, or answered with a reason.

A message is a CloudEvent (structured, or binary with ``cloudEvents:`` headers) or a bare JSON
object whose type is the AMQP ``type``, else a ``type`` inside it, else the last word of the
routing key.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic_core import from_json
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, Problem, Retry, StowageError
from stowage_contracts.values import new_id

from stowage_runtime.bus import Deliver
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit.consumer import settle
from stowage_runtime.bus.rabbit.durable import lost
from stowage_runtime.bus.rabbit.publisher import Publisher, Target

LARGEST = 262_144
LONGEST_ID = 255
UNKNOWN = "unknown"
"""Routing key of an answer to a message without a type."""
FOREIGN = "foreign"
"""First word of the source of every envelope that came this way."""
_MARKS = ("cloudEvents:", "cloudEvents_")


@dataclass(frozen=True)
class Outlet:
    """Where refusals are published."""

    publisher: Publisher
    target: Target
    user: str

    async def answer(self, asked: "Asked", problem: Problem) -> None:
        """Tell whoever listens for this type; raises Unavailable."""
        message = Message(
            problem.model_dump_json().encode(),
            content_type="application/problem+json",
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=new_id(),
            correlation_id=_short(asked.correlation),
            type="Problem",
            user_id=self.user,
        )
        await self.publisher.publish(
            message, replace(self.target, key=_short(asked.type) or UNKNOWN)
        )


@dataclass(frozen=True)
class Asked:
    """What a foreign message says of itself, as far as it can be read."""

    id: str
    type: str
    correlation: str
    source: str
    traceparent: str
    data: Any

    @classmethod
    def of(cls, message: AbstractIncomingMessage) -> "Asked":
        """Read what is there; never raises."""
        body = _json(message.body)
        event = body if isinstance(body, dict) and "specversion" in body else _binary(message)
        bare = body if isinstance(body, dict) else {}
        key = (message.routing_key or "").rpartition(".")[2]
        told = _Texts(event)
        id = told["id"] or message.message_id or ""
        return cls(
            id=id,
            type=told["type"] or message.type or _Texts(bare)["type"] or key,
            correlation=message.correlation_id or told["correlationid"] or id,
            source=told["source"] or message.app_id or "",
            traceparent=told["traceparent"],
            data=event.get("data") if "specversion" in event and event is body else body,
        )

    def envelope(self) -> Envelope:
        """The same as an envelope; raises InvalidInput."""
        if not isinstance(self.data, dict):
            raise InvalidInput(
                f"the message is no JSON object of at most {LARGEST} bytes",
                code="malformed",
                resource=self.type,
                hint="send a CloudEvent in JSON, or its data alone",
            )
        if len(self.id) > LONGEST_ID or len(self.source) > LONGEST_ID:
            raise InvalidInput(
                f"id and source have at most {LONGEST_ID} characters",
                code="malformed",
                resource=self.type,
            )
        id = self.id or new_id()
        return Envelope(
            id=id,
            source=f"{FOREIGN}/{self.source}",
            type=self.type,
            subject=FOREIGN,
            correlationid=self.correlation or id,
            traceparent=self.traceparent,
            data=self.data,
        )


class ForeignHandler:
    """Delivers foreign messages; each is acknowledged when it is committed or answered."""

    def __init__(self, deliver: Deliver, outlet: Outlet, limits: BusLimits) -> None:
        self._deliver, self._outlet, self._limits = deliver, outlet, limits

    async def __call__(self, message: AbstractIncomingMessage) -> None:
        """Handle one message; what fails for no fault of its own is tried again.

        The broker dead-letters it when it was handed back too often.
        """
        if lost(message):
            return
        try:
            await self._handle(message)
        except Exception as error:
            structlog.get_logger(__name__).warning(
                "bus.foreign_failed", exc_info=not isinstance(error, StowageError)
            )
            await asyncio.sleep(self._limits.delay(1))
            await settle(message, ack=False, requeue=True)
        else:
            await settle(message, ack=True)

    async def _handle(self, message: AbstractIncomingMessage) -> None:
        asked = Asked.of(message)
        try:
            await self._deliver(asked.envelope())
        except StowageError as error:
            if error.retry is Retry.AGAIN:
                raise
            await self._outlet.answer(asked, error.problem)


class _Texts(dict[str, Any]):
    """Attributes that are texts; everything else reads as missing."""

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        return value if isinstance(value, str) and "\0" not in value else ""


def _short(text: str) -> str:
    """As AMQP's short strings can carry it; nothing when they cannot."""
    return text if len(text.encode()) <= LONGEST_ID else ""


def _binary(message: AbstractIncomingMessage) -> Mapping[str, Any]:
    return {
        name.removeprefix(mark): value
        for name, value in message.headers.items()
        for mark in _MARKS
        if name.startswith(mark)
    }


def _json(body: bytes) -> Any:
    if len(body) > LARGEST:
        return None
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
