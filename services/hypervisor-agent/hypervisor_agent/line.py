"""How an agent speaks on the bus: reports until they are confirmed, signals, questions."""

import asyncio

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_runtime.backoff import Backoff
from stowage_runtime.bus import Bus
from stowage_runtime.telemetry import current_traceparent

ASK_SECONDS = 10.0
ASK_PAUSES = (0.5, 2.0, 5.0)
SAY_PAUSES = (0.2, 5.0)
"""First and longest pause before a report is said again."""
log = structlog.get_logger(__name__)


class Line:
    """Everything said carries the host as its source, the running trace and its cause."""

    def __init__(self, bus: Bus, host_id: str) -> None:
        self.bus, self.host_id = bus, host_id

    async def say(self, message: Message, cause: Envelope | None = None) -> None:
        """Returns when the broker has it; while it is away, tries on until cancelled."""
        envelope = self._envelope(message, cause)
        backoff = Backoff(*SAY_PAUSES)
        while True:
            try:
                await self.bus.send(envelope)
                return
            except Unavailable as error:
                log.warning("line.unsaid", type=envelope.type, code=error.code)
                await asyncio.sleep(backoff.next())

    async def signal(self, message: Message, cause: Envelope | None = None) -> None:
        """May be lost."""
        await self.bus.signal(self._envelope(message, cause))

    async def ask(self, message: Message, *, to: str) -> Message:
        """A question, asked again a few times while nobody answers. Raises what the other side
        raised, or Unavailable."""
        for pause in ASK_PAUSES:
            try:
                return await self._ask(message, to)
            except Unavailable:
                await asyncio.sleep(pause)
        return await self._ask(message, to)

    async def _ask(self, message: Message, to: str) -> Message:
        return await self.bus.request(self._envelope(message, None), to=to, seconds=ASK_SECONDS)

    def _envelope(self, message: Message, cause: Envelope | None) -> Envelope:
        return Envelope.of(
            message,
            source=f"agent/{self.host_id}",
            traceparent=current_traceparent(),
            correlationid=(cause.correlationid or cause.id) if cause else "",
            causationid=cause.id if cause else "",
        )
