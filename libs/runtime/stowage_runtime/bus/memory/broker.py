"""What the in-process buses of one process share: queues, bindings, dead letters."""

import asyncio
from dataclasses import dataclass

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import NotFound, Problem, Unavailable
from stowage_contracts.message import Kind, Message
from stowage_contracts.topology import bindings

from stowage_runtime.bus import Reader
from stowage_runtime.bus.dead_letters import DeadLetter, DeadLetterSink
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.memory.queue import MemoryQueue
from stowage_runtime.bus.rabbit.agent_users import check_host_id
from stowage_runtime.bus.routing import AGENT_PREFIX


@dataclass(frozen=True)
class Question:
    """A request on its way; the reply is an envelope or a problem."""

    envelope: Envelope
    reply: asyncio.Future[Envelope | Problem]
    seconds: float


class MemoryBroker:
    """Made once per process; every service takes a ``MemoryBus`` of it."""

    def __init__(self, sink: DeadLetterSink, limits: BusLimits | None = None) -> None:
        self.sink, self.limits = sink, limits or BusLimits()
        self.queues: dict[str, MemoryQueue] = {}
        self.signals: dict[str, asyncio.Queue[Envelope]] = {}
        self.requests: dict[str, asyncio.Queue[Question]] = {}
        self._bound: set[tuple[Kind, str, str]] = set()

    def declare(self, reader: Reader) -> None:
        """Create what ``reader`` needs; nothing for an agent, whose enrolment did it."""
        if reader.name.startswith(AGENT_PREFIX):
            return
        self._queue(reader.name)
        self._bind(reader.name, reader.durable)
        if reader.signals:
            self.signals.setdefault(reader.name, asyncio.Queue(self.limits.signal_length))
            self._bind(reader.name, reader.signals)
        if reader.requests:
            self.requests.setdefault(reader.name, asyncio.Queue(self.limits.prefetch))

    def admit(self, host_id: str) -> None:
        """Make an agent's queue; raises InvalidInput for an id that could pass for another name."""
        check_host_id(host_id)
        self._queue(AGENT_PREFIX + host_id)

    def dismiss(self, host_id: str) -> None:
        """Delete an agent's queue with what is in it."""
        if queue := self.queues.pop(AGENT_PREFIX + host_id, None):
            queue.close()
            self._bound.discard((Kind.COMMAND, AGENT_PREFIX + host_id, AGENT_PREFIX + host_id))

    def durable(self, kind: Kind, key: str) -> list[MemoryQueue]:
        """The queues a durable message goes to."""
        return [self.queues[name] for name in sorted(self._readers(kind, key))]

    def hearing(self, kind: Kind, key: str) -> list[asyncio.Queue[Envelope]]:
        """The shelves a signal goes to."""
        return [self.signals[name] for name in sorted(self._readers(kind, key))]

    def close(self) -> None:
        """Stop every pending retry."""
        for queue in self.queues.values():
            queue.close()

    def _queue(self, name: str) -> None:
        if name not in self.queues:
            self.queues[name] = MemoryQueue(name, self.sink, self.limits)
            self._bound.add((Kind.COMMAND, name, name))

    def _bind(self, name: str, messages: tuple[type[Message], ...]) -> None:
        for message in messages:
            if message.kind is not Kind.COMMAND:
                self._bound |= {(kind, key, name) for kind, key in bindings(message)}

    def _readers(self, kind: Kind, key: str) -> set[str]:
        anybody = f"*.{key.rpartition('.')[2]}"
        return {name for bound, at, name in self._bound if bound is kind and at in (key, anybody)}


class MemoryDeadLetters:
    """The dead letters of one reader of a ``MemoryBroker``."""

    def __init__(self, broker: MemoryBroker, reader: str) -> None:
        self._broker, self._reader = broker, reader

    async def entries(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest ones first."""
        return await self._broker.sink.entries(self._reader, limit)

    async def show(self, id: str) -> DeadLetter:
        """One of them; raises NotFound."""
        letter = await self._broker.sink.get(self._reader, id)
        if letter is None:
            cause = f"no dead letter {id} of {self._reader}"
            raise NotFound(cause, resource=id, code="dead_letter")
        return letter

    async def replay(self, id: str) -> None:
        """Deliver it again; it is kept until it is committed. Raises NotFound."""
        letter = await self.show(id)
        queue = self._broker.queues.get(letter.queue)
        if queue is None:
            raise queue_missing(letter.queue)
        queue.put(Envelope.model_validate_json(letter.body), replayed=True)

    async def replay_all(self) -> int:
        """Replay those that are there now; answers how many."""
        letters = await self.entries(self._broker.limits.queue_length)
        for letter in letters:
            await self.replay(letter.id)
        return len(letters)


def queue_missing(name: str) -> Unavailable:
    """Nobody has declared the queue."""
    return Unavailable(
        f"{name} has no queue", resource=name, code="queue", hint="run its migrate command"
    )
