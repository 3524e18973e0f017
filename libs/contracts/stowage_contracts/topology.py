"""Names of exchanges, queues and routing keys, derived from the message classes."""

from dataclasses import dataclass

from stowage_contracts.message import Kind, Message
from stowage_contracts.values import ServiceName

RETRY_SECONDS = (1, 5, 30)
"""The retry ladder: one dead-letter TTL queue per step."""
DELIVERY_LIMIT = 8
SIGNAL_QUEUE_LENGTH = 1000
REQUEST_TTL_SECONDS = 30


@dataclass(frozen=True)
class Topology:
    """All names under one prefix, so that test runs share a broker without meeting."""

    prefix: str = "stowage"

    def exchange(self, kind: Kind | str) -> str:
        """``stowage.events``, ``.commands``, ``.reports``, ``.requests``, ``.signals``…"""
        name = f"{kind.value}s" if isinstance(kind, Kind) else kind
        return f"{self.prefix}.{name}"

    @property
    def ingress(self) -> str:
        """Exchange foreign publishers write to; only the gateway reads it."""
        return f"{self.prefix}.ingress"

    @property
    def errors(self) -> str:
        """Exchange on which refused foreign messages are answered with a reason."""
        return f"{self.prefix}.errors"

    def queue(self, service: str, lane: str = "") -> str:
        """``stowage.<service>`` or ``stowage.<service>.<lane>`` (requests, signals, dead…)."""
        return f"{self.prefix}.{service}{'.' + lane if lane else ''}"

    def agent(self, host_id: str) -> str:
        """The queue of one agent."""
        return self.queue(f"agent.{host_id}")


def address(service: ServiceName | str) -> str:
    """Routing key of commands for a service."""
    return str(service)


def agent_address(host_id: str) -> str:
    """Routing key of commands for one agent."""
    return f"agent.{host_id}"


def routing_key(message: type[Message], source: str) -> str:
    """``<source>.<Type>``; for agents the source is the host id, which the broker enforces."""
    return f"{source.removeprefix('agent/')}.{message.__name__}"


def exchange_of(message: type[Message], source: str) -> Kind:
    """The exchange ``source`` says ``message`` on: agents write to reports and signals only."""
    from_agent = source.startswith("agent/") and message.kind is Kind.EVENT
    return Kind.REPORT if from_agent else message.kind


def bindings(message: type[Message]) -> tuple[tuple[Kind, str], ...]:
    """(exchange, key pattern) pairs a reader of ``message`` binds."""
    if message.shared:
        return ((Kind.EVENT, f"*.{message.__name__}"), (Kind.REPORT, f"*.{message.__name__}"))
    anybody = message.owner is ServiceName.HYPERVISOR_AGENT
    source = "*" if anybody else message.owner.value
    return ((message.kind, f"{source}.{message.__name__}"),)
