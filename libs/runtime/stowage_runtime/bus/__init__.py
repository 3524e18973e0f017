"""The bus as services see it; RabbitMQ and in-process implement it alike."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from stowage_contracts import reading
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.values import ServiceName

Deliver = Callable[[Envelope], Awaitable[None]]
"""Returns once everything is committed; raises Rejected to dead-letter, anything else to retry."""
Answer = Callable[[Envelope], Awaitable[Envelope]]


class Rejected(Exception):
    """No retry can help: dead-letter the message with this reason."""


@dataclass(frozen=True)
class Reader:
    """One service's (or agent's) share of the bus: its queue and what is bound to it.

    ``name`` is a ServiceName, or ``agent.<host id>`` for an agent, whose queue is made at
    enrolment and only consumed here.
    """

    name: str
    durable: tuple[type[Message], ...] = ()
    """Commands addressed to it, events and reports it reads."""
    requests: tuple[type[Message], ...] = ()
    signals: tuple[type[Message], ...] = ()
    ingress: bool = False
    """Whether it takes what foreign publishers send."""


def builtin_readers() -> tuple[Reader, ...]:
    """The share of every built-in service but the agents."""
    return tuple(
        Reader(
            name,
            heard,
            reading.REQUESTS.get(name, ()),
            reading.SIGNALS.get(name, ()),
            name is ServiceName.API_GATEWAY,
        )
        for name, heard in reading.DURABLE.items()
    )


class Bus(Protocol):
    """Three lanes: durable (confirmed, retried, dead-lettered), requests, signals (lossy)."""

    async def declare(self, reader: Reader) -> None:
        """Create every exchange, queue and binding ``reader`` needs; idempotent."""
        ...

    async def send(self, envelope: Envelope, *, to: str = "", mandatory: bool = True) -> None:
        """Publish on the durable lane and wait for the confirm.

        ``to`` is the address of a command (topology.address / agent_address); events have none.
        Raises Unavailable (code ``unavailable.broker`` or ``unavailable.unroutable``).
        """
        ...

    async def signal(self, envelope: Envelope) -> None:
        """Publish without confirm; dropped silently while the broker is away."""
        ...

    async def request(self, envelope: Envelope, *, to: str, seconds: float) -> Message:
        """Ask and wait for the reply; raises the error the other side raised, or Unavailable
        (``unavailable.no_reply``) when ``seconds`` have passed."""
        ...

    async def listen(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the durable lane of ``reader`` (declared before)."""
        ...

    async def hear(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the signals lane; failures are counted, not retried."""
        ...

    async def serve(self, reader: Reader, answer: Answer) -> None:
        """Consume the requests lane; an error raised by ``answer`` travels back as a Problem."""
        ...

    async def admit(self, reader: Reader, deliver: Deliver) -> None:
        """Consume what foreign publishers send to the ingress exchange.

        Of such an envelope only the shape was checked. A StowageError raised by ``deliver`` is
        answered on the errors exchange, unless it says that trying again helps.
        """
        ...

    async def pause(self) -> None:
        """Stop consuming, let what was delivered finish (bounded), hand the rest back."""
        ...

    async def close(self) -> None:
        """Leave the bus; idempotent."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        ...
