"""Sending: subjects side by side, the messages of one subject one after another."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from opentelemetry.trace import SpanKind
from stowage_contracts.errors import StowageError, Unavailable

from stowage_runtime.bus.dead_letters import Reason
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.outbox import Numbered
from stowage_runtime.telemetry import error_code, span

_log = structlog.get_logger(__name__)


@dataclass
class Results:
    """What the sends since they were last recorded came to."""

    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[Numbered, Reason]] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    """Subjects no longer under way once this is recorded."""
    away: Unavailable | None = None
    """The broker went away."""

    def __add__(self, later: "Results") -> "Results":
        return Results(
            self.confirmed + later.confirmed,
            self.refused + later.refused,
            self.finished | later.finished,
            later.away or self.away,
        )


@dataclass
class Chain:
    """Messages of one subject on their way."""

    left: deque[Numbered]
    task: asyncio.Task[None] | None = None
    broken: bool = False
    """Something of it was refused or not sent: the outbox knows what is next."""


@dataclass
class Sending:
    """Messages on their way to the bus."""

    transactions: Transactions
    mandatory: frozenset[str]
    may_go_on: Callable[[], bool]
    """Asked before each message."""
    done: Callable[[], None]
    """Called when a subject has finished."""
    results: Results = field(default_factory=Results)
    under_way: dict[str, Chain] = field(default_factory=dict)

    def start(self, messages: Sequence[Numbered]) -> None:
        """Send these, in this order for each subject, behind what of it is under way."""
        for message in messages:
            subject = message.subject
            chain = self.under_way.get(subject)
            if chain is None:
                chain = self.under_way[subject] = Chain(deque((message,)))
                chain.task = asyncio.create_task(self._send_all(subject, chain))
            else:
                chain.left.append(message)

    def takes(self, subject: str) -> bool:
        """Whether a message of that subject may be started: nothing went wrong before it."""
        chain = self.under_way.get(subject)
        return chain is None or not (chain.broken or subject in self.results.finished)

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, then break it off."""
        tasks = [chain.task for chain in self.under_way.values() if chain.task is not None]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _send_all(self, subject: str, chain: Chain) -> None:
        blocked: set[str] = set()
        try:
            while chain.left and self.may_go_on():
                message = chain.left.popleft()
                if message.to in blocked or not await self._send(message):
                    blocked.add(message.to)
                    chain.broken = True
            chain.broken = chain.broken or bool(chain.left)
        except Unavailable as error:
            chain.broken, self.results.away = True, error
        except BaseException:
            chain.broken = True
            raise
        finally:
            self._end(subject, chain)

    def _end(self, subject: str, chain: Chain) -> None:
        if chain.broken:
            self.results.finished.add(subject)
        else:
            del self.under_way[subject]
        self.done()

    async def _send(self, message: Numbered) -> bool:
        """Whether it was confirmed; raises Unavailable when the broker is away."""
        envelope = message.envelope
        try:
            with span(f"send {envelope.type}", envelope.traceparent, SpanKind.PRODUCER):
                await self._publish(message)
        except Exception as error:
            if isinstance(error, Unavailable) and error.code == "unavailable.broker":
                raise
            _log.warning(
                "message refused by the bus",
                service=self.transactions.source,
                type=envelope.type,
                message=envelope.id,
                to=message.to,
                code=error_code(error),
                exc_info=not isinstance(error, StowageError),
            )
            self.results.refused.append((message, Reason.of(error)))
            return False
        self.results.confirmed.append(message.id)
        return True

    async def _publish(self, message: Numbered) -> None:
        envelope = message.envelope
        mandatory = message.mandatory or envelope.type in self.mandatory
        sealed = self.transactions.seal(envelope, message.to)
        await self.transactions.bus.send(sealed, to=message.to, mandatory=mandatory)
