"""Envelopes as AMQP messages, and the proof of who really sent one."""

from dataclasses import dataclass
from typing import Self

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, NotAuthorized
from stowage_contracts.message import Kind
from stowage_contracts.topology import Topology
from stowage_contracts.values import new_id

from stowage_runtime.bus import Rejected

ATTEMPT, QUEUE = "x-stowage-attempt", "x-stowage-queue"
AGENT = "agent/"
_EXCHANGE, _KEY, _USER = "x-stowage-exchange", "x-stowage-key", "x-stowage-user"


@dataclass(frozen=True)
class Origin:
    """Where a message entered the broker, as the broker knows it."""

    exchange: str
    key: str
    user: str

    @classmethod
    def of(cls, incoming: AbstractIncomingMessage) -> Self:
        """Only services can write to the default exchange, so only there headers are believed."""
        headers = incoming.headers
        if incoming.exchange or _EXCHANGE not in headers:
            return cls(incoming.exchange or "", incoming.routing_key or "", incoming.user_id or "")
        return cls(*(str(headers.get(name, "")) for name in (_EXCHANGE, _KEY, _USER)))

    @property
    def headers(self) -> dict[str, str]:
        """The same, for a message that is published again."""
        return {_EXCHANGE: self.exchange, _KEY: self.key, _USER: self.user}

    def check(self, source: str, topology: Topology) -> None:
        """Raises Rejected when an agent speaks for somebody else.

        The broker checks user names and, on topic exchanges, that an agent's routing keys begin
        with its host id; here the envelope must agree with both.
        """
        agents = f"{topology.prefix}.agent."
        speaker = self.user.removeprefix(agents) if self.user.startswith(agents) else ""
        honest = not speaker or source == AGENT + speaker
        if self.exchange == topology.exchange(Kind.REPORT):
            honest = honest and bool(self.user) and source == AGENT + self._first_word
        elif self.exchange == topology.exchange(Kind.SIGNAL):
            honest = honest and bool(self.user) and source.removeprefix(AGENT) == self._first_word
        elif self.exchange == topology.exchange(Kind.REQUEST):
            honest = honest and bool(self.user)
        if not honest:
            cause = f"{source} was claimed by user {self.user or '(none)'} with key {self.key}"
            raise Rejected from NotAuthorized(cause, resource=source, code="forged_source")

    @property
    def _first_word(self) -> str:
        return self.key.partition(".")[0]


def pack(envelope: Envelope, user: str, *, durable: bool = True) -> Message:
    """The envelope as a CloudEvents message in structured mode."""
    return Message(
        envelope.model_dump_json().encode(),
        content_type="application/cloudevents+json",
        delivery_mode=DeliveryMode.PERSISTENT if durable else DeliveryMode.NOT_PERSISTENT,
        message_id=envelope.id,
        type=envelope.type,
        user_id=user,
    )


def again(incoming: AbstractIncomingMessage, headers: dict[str, str | int], user: str) -> Message:
    """The same bytes once more, with what happened so far."""
    return Message(
        incoming.body,
        content_type=incoming.content_type,
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=incoming.message_id or new_id(),
        type=incoming.type,
        user_id=user,
        headers={**Origin.of(incoming).headers, **headers},
    )


def unpack(incoming: AbstractIncomingMessage, topology: Topology) -> Envelope:
    """The envelope; raises Rejected when it is none, or not from whom it says."""
    try:
        envelope = Envelope.model_validate_json(incoming.body)
    except ValidationError as error:
        raise Rejected from InvalidInput(
            _told(error),
            resource=incoming.routing_key or "",
            code="malformed",
            hint="send a CloudEvents envelope in structured JSON form",
        )
    Origin.of(incoming).check(envelope.source, topology)
    return envelope


def _told(error: ValidationError) -> str:
    """Pydantic's findings, without the values it found them in."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in found[:4])
