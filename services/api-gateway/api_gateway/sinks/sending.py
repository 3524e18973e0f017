"""Sending: what carries events to a sink, whatever its kind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from stowage_contracts.errors import SourceRefused, StowageError, Unavailable

from api_gateway.sinks.outgoing import Outgoing
from api_gateway.sinks.rows import Sink


class Sender(Protocol):
    """Carries events to one sink; holds its connections."""

    together: bool
    """Whether events of one subject may be given at once: they arrive as one."""

    async def send(self, events: Sequence[Outgoing]) -> Sequence[StowageError | None]:
        """Of each event, why it did not arrive; None where it did. Ends within a deadline."""
        ...

    async def close(self) -> None:
        """Let go of every connection; idempotent."""
        ...


@contextmanager
def hinting() -> Iterator[None]:
    """An address that is refused is opened by another setting than those of images."""
    try:
        yield
    except SourceRefused as error:
        if error.code.endswith(".address_refused"):
            error.hint = "an operator can open a private network with STOWAGE_SINK_ALLOW"
        raise


def refused(sink: Sink, cause: str, **details: float) -> Unavailable:
    """The receiver did not take it."""
    return Unavailable(
        cause,
        resource=f"sink/{sink.id}",
        code="receiver",
        hint="it is tried again until it is taken; `stowage sink redeliver` goes past it",
        **details,
    )
