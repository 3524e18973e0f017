"""Where an envelope goes, the same on every bus."""

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput
from stowage_contracts.message import Kind
from stowage_contracts.messages import MESSAGES
from stowage_contracts.topology import exchange_of, routing_key

AGENT_PREFIX = "agent."
"""What the reader name of an agent begins with."""


def route(envelope: Envelope, to: str = "") -> tuple[Kind, str]:
    """Exchange and routing key; raises InvalidInput for an unknown type or a lost command."""
    message = MESSAGES.get(envelope.type)
    if message is None:
        raise InvalidInput(f"unknown message type {envelope.type!r}", code="unknown_message")
    kind = exchange_of(message, envelope.source)
    if kind is not Kind.COMMAND:
        return kind, routing_key(message, envelope.source)
    if not to:
        raise InvalidInput(f"{envelope.type} is a command and needs an address", code="address")
    return kind, to
