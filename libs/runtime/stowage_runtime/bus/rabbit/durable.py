"""What happens to a delivery of the durable lane: handled, tried again, or buried."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Protocol

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelInvalidStateError
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable
from stowage_contracts.topology import Topology

from stowage_runtime.bus import Deliver, Rejected
from stowage_runtime.bus.dead_letters import Reason
from stowage_runtime.bus.lanes import Job
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit.consumer import settle
from stowage_runtime.bus.rabbit.publisher import Publisher, Target
from stowage_runtime.bus.rabbit.wire import ATTEMPT, QUEUE, again, unpack
from stowage_runtime.telemetry.metrics import DEAD_LETTERS

REASON = "x-stowage-"
DIED = "x-stowage-died"


class Rescue(Protocol):
    """What to do with a delivery that failed."""

    async def again(self, message: AbstractIncomingMessage, reason: Reason, counts: bool) -> None:
        """Try it later; ``counts`` is false when its content cannot be at fault."""
        ...

    async def bury(self, message: AbstractIncomingMessage, reason: Reason) -> None:
        """Dead-letter it."""
        ...


class DurableHandler:
    """Delivers envelopes, and leaves no message unsettled while the broker is there."""

    def __init__(self, deliver: Deliver, rescue: Rescue, topology: Topology) -> None:
        self._deliver, self._rescue, self._topology = deliver, rescue, topology

    def read(self, message: AbstractIncomingMessage) -> tuple[str, Job]:
        """Its subject, and how to handle and settle it; what is no envelope waits for nobody."""
        try:
            found: Envelope | Rejected = unpack(message, self._topology)
        except Rejected as error:
            found = error
        subject = found.subject if isinstance(found, Envelope) else ""
        return subject, lambda: self._take(message, found)

    async def _take(self, message: AbstractIncomingMessage, found: Envelope | Rejected) -> None:
        if lost(message):
            return
        try:
            await self._handle(message, found)
        except Unavailable as error:
            structlog.get_logger(__name__).warning("bus.rescue_failed", cause=error.cause)
            await asyncio.sleep(1)
            await settle(message, ack=False, requeue=True)

    async def _handle(self, message: AbstractIncomingMessage, found: Envelope | Rejected) -> None:
        try:
            if isinstance(found, Rejected):
                raise found
            await self._deliver(found)
        except Rejected as error:
            await self._rescue.bury(message, Reason.of(error))
        except Exception as error:
            counts = not isinstance(error, Unavailable)
            await self._rescue.again(message, Reason.of(error), counts)
        else:
            await settle(message, ack=True)


class LadderRescue:
    """A service's: publishes to a retry or the dead-letter queue, confirmed, then acknowledges."""

    def __init__(self, publisher: Publisher, queue: str, user: str, limits: BusLimits) -> None:
        self._publisher, self._queue, self._user = publisher, queue, user
        self._limits = limits

    async def again(self, message: AbstractIncomingMessage, reason: Reason, counts: bool) -> None:
        attempt = attempts(message) + (1 if counts else 0)
        rung = self._limits.step(attempt) if counts else len(self._limits.ladder) - 1
        spent = attempt >= self._limits.deliveries
        await self._move(message, "dead" if spent else f"retry.{rung + 1}", reason, attempt)

    async def bury(self, message: AbstractIncomingMessage, reason: Reason) -> None:
        await self._move(message, "dead", reason, attempts(message) + 1)

    async def _move(
        self, message: AbstractIncomingMessage, lane: str, reason: Reason, attempt: int
    ) -> None:
        headers: dict[str, str | int] = {ATTEMPT: attempt, QUEUE: self._queue}
        headers |= {REASON + name: text for name, text in reason if text}
        if lane == "dead":
            headers[DIED] = datetime.now(UTC).isoformat()
            _tell(self._queue, message, reason)
        await self._publisher.publish(
            again(message, headers, self._user), Target(f"{self._queue}.{lane}")
        )
        await settle(message, ack=True)


class AgentRescue:
    """An agent's: it may publish nowhere but its reports, so it waits and hands back."""

    REMEMBERED = 1000

    def __init__(self, queue: str, limits: BusLimits) -> None:
        self._queue, self._limits = queue, limits
        self._failures: OrderedDict[str, int] = OrderedDict()
        self._waiting: set[asyncio.Task[None]] = set()

    async def again(self, message: AbstractIncomingMessage, reason: Reason, counts: bool) -> None:
        attempt = self._count(message) if counts else 0
        if attempt >= self._limits.deliveries:
            await self.bury(message, reason)
        else:
            seconds = self._limits.delay(attempt) if counts else self._limits.ladder[-1]
            self._later(seconds, message)

    async def bury(self, message: AbstractIncomingMessage, reason: Reason) -> None:
        _tell(self._queue, message, reason)
        self._failures.pop(message.message_id or "", None)
        await settle(message, ack=False)

    def _later(self, seconds: float, message: AbstractIncomingMessage) -> None:
        """Hand it back when it is due; should the connection end before, the broker does."""

        async def due() -> None:
            await asyncio.sleep(seconds)
            await settle(message, ack=False, requeue=True)

        task = asyncio.get_running_loop().create_task(due())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _count(self, message: AbstractIncomingMessage) -> int:
        name = message.message_id or ""
        self._failures[name] = self._failures.pop(name, 0) + 1
        if len(self._failures) > self.REMEMBERED:
            self._failures.popitem(last=False)
        return self._failures[name]


def lost(message: AbstractIncomingMessage) -> bool:
    """Whether it came over a channel that is gone: then it comes again over another."""
    try:
        return message.channel.is_closed
    except ChannelInvalidStateError:
        return True


def attempts(message: AbstractIncomingMessage) -> int:
    """How often this message has failed before."""
    value = message.headers.get(ATTEMPT, 0)
    return value if isinstance(value, int) else 0


def _tell(queue: str, message: AbstractIncomingMessage, reason: Reason) -> None:
    DEAD_LETTERS.add(1, {"queue": queue, "type": message.type or "", "code": reason.code})
    structlog.get_logger(__name__).error(
        "bus.dead_letter", queue=queue, message=message.message_id, **reason.model_dump()
    )
