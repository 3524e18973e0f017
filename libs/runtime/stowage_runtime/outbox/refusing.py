"""What the bus has no queue for: tried again later and later, at last a dead letter."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from stowage_runtime.backoff import delay
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.bus.dead_letters import DeadLetter, Reason
from stowage_runtime.database import Database
from stowage_runtime.outbox import Numbered
from stowage_runtime.telemetry.metrics import DEAD_LETTERS

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Refusals:
    """Keeps count of them in the outbox."""

    source: str
    database: Database
    seconds: tuple[float, float]
    """First and longest wait."""
    expiry: timedelta

    async def note(self, message: Numbered, reason: Reason) -> bool:
        """Note a refusal; whether the message was given up, and kept as a dead letter."""
        seconds = delay(message.attempts + 1, *self.seconds)
        row = (message.id, reason.code, seconds, self.expiry)
        if not await self.database.fetch("runtime.refused", *row):
            return False
        await TableSink(self.database).bury(self._dead(message, reason))
        return True

    def _dead(self, message: Numbered, reason: Reason) -> DeadLetter:
        envelope = message.envelope
        _log.error(
            "message expired in the outbox",
            service=self.source,
            message=envelope.id,
            type=envelope.type,
            to=message.to,
            code=reason.code,
        )
        DEAD_LETTERS.add(1, {"queue": "outbox", "type": envelope.type, "code": reason.code})
        return DeadLetter(
            id=envelope.id,
            queue="outbox",
            type=envelope.type,
            subject=envelope.subject,
            source=self.source,
            attempts=message.attempts + 1,
            reason=reason,
            body=envelope.model_dump_json(),
        )
