"""Messages nobody could handle: why each died, and how to look at and replay them."""

import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import Field
from stowage_contracts.errors import StowageError
from stowage_contracts.values import Instant, ServiceName, Value

from stowage_runtime.bus import Rejected
from stowage_runtime.bus.routing import AGENT_PREFIX

LONGEST = 500
"""Characters of a cause or hint that travel with a dead letter."""


class Reason(Value):
    """Why a delivery failed; carries no secret and no text of an unknown exception."""

    code: str
    cause: str
    resource: str = ""
    hint: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """What may be told of ``error``: unknown exceptions by type and place only."""
        known = stowage_error(error)
        if known is not None:
            parts = (known.code, known.cause, known.resource, known.hint)
            return cls(**dict(zip(cls.model_fields, (p[:LONGEST] for p in parts), strict=True)))
        if isinstance(error, Rejected):
            return cls(code="rejected", cause=str(error)[:LONGEST])
        return cls(code="internal", cause=f"{type(error).__name__}{_place(error)}")


class DeadLetter(Value):
    """One dead message with its last failure."""

    id: str
    queue: str
    """The queue it died on and is replayed to."""
    type: str = ""
    subject: str = ""
    source: str = ""
    attempts: int = 1
    reason: Reason
    died: Instant = Field(default_factory=lambda: datetime.now(UTC))
    body: str
    """The envelope as JSON, or whatever bytes came instead."""


class DeadLetters(Protocol):
    """The dead letters of one reader."""

    async def entries(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest ones first."""
        ...

    async def show(self, id: str) -> DeadLetter:
        """One of them; raises NotFound."""
        ...

    async def replay(self, id: str) -> None:
        """Deliver it again, as if new; raises NotFound."""
        ...

    async def replay_all(self) -> int:
        """Replay those that are there now; answers how many."""
        ...


class DeadLetterSink(Protocol):
    """Where the in-process bus keeps its dead letters, one for each queue and id.

    A reader is a service, or ``hypervisor-agent`` for the queues of all agents.
    """

    async def bury(self, letter: DeadLetter) -> None:
        """Keep it, in place of an older one; raises Unavailable."""
        ...

    async def entries(self, reader: str, limit: int) -> list[DeadLetter]:
        """The oldest ones first."""
        ...

    async def get(self, reader: str, id: str) -> DeadLetter | None:
        """One of them."""
        ...

    async def remove(self, queue: str, id: str) -> None:
        """Forget it; idempotent."""
        ...


class ListSink:
    """Keeps dead letters in memory: for unit tests."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, str], DeadLetter] = {}

    async def bury(self, letter: DeadLetter) -> None:
        self._letters[letter.queue, letter.id] = letter

    async def entries(self, reader: str, limit: int) -> list[DeadLetter]:
        return [item for item in self._letters.values() if _reads(reader, item)][:limit]

    async def get(self, reader: str, id: str) -> DeadLetter | None:
        return next((i for i in self._letters.values() if i.id == id and _reads(reader, i)), None)

    async def remove(self, queue: str, id: str) -> None:
        self._letters.pop((queue, id), None)


def _reads(reader: str, letter: DeadLetter) -> bool:
    agents = reader == ServiceName.HYPERVISOR_AGENT and letter.queue.startswith(AGENT_PREFIX)
    return agents or letter.queue == reader


def stowage_error(error: BaseException) -> StowageError | None:
    """The typed error that ``error`` is or, if Rejected, stands for."""
    candidates: tuple[Any, ...] = (error, error.__cause__, *error.args)
    wrapped = candidates if isinstance(error, Rejected) else candidates[:1]
    return next((item for item in wrapped if isinstance(item, StowageError)), None)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
