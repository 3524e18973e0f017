"""One durable queue of the in-process bus: at least once, retried, dead-lettered, bounded."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable

from stowage_runtime.bus import Deliver, Rejected
from stowage_runtime.bus.dead_letters import DeadLetter, DeadLetterSink, Reason
from stowage_runtime.bus.lanes import Lanes
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.telemetry.metrics import DEAD_LETTERS

BURY_AGAIN_SECONDS = 1.0


@dataclass(eq=False)
class Letter:
    """A message on its way to one reader; ``done`` is set when it is committed or buried."""

    envelope: Envelope
    attempts: int = 0
    replayed: bool = False
    """It has a dead letter, which is removed once it is committed."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryQueue:
    """Letters wait here; any number of consumers compete for them."""

    def __init__(self, name: str, sink: DeadLetterSink, limits: BusLimits) -> None:
        self.name, self._sink, self._limits = name, sink, limits
        self._ready: deque[Letter] = deque()
        self._known: dict[str, Letter] = {}
        self._filled = asyncio.Event()
        self._later: set[asyncio.TimerHandle] = set()

    def put(self, envelope: Envelope, *, replayed: bool = False) -> Letter:
        """Queue it, or join the same message if it is still here; raises Unavailable when full."""
        if letter := self._known.get(envelope.id):
            return letter
        if len(self._known) >= self._limits.queue_length:
            raise Unavailable(f"{self.name} is full", resource=self.name, code="broker")
        letter = self._known[envelope.id] = Letter(envelope, replayed=replayed)
        self._offer(letter)
        return letter

    async def next(self) -> Letter:
        """The oldest letter that is ready."""
        while not self._ready:
            self._filled.clear()
            await self._filled.wait()
        return self._ready.popleft()

    def hand_back(self, letter: Letter) -> None:
        """Put back what was taken but not handled."""
        self._ready.appendleft(letter)
        self._filled.set()

    async def handle(self, letter: Letter, deliver: Deliver) -> None:
        """Deliver one letter and settle it."""
        try:
            await deliver(letter.envelope)
        except Rejected as error:
            await self._bury(letter, Reason.of(error))
        except Exception as error:
            await self._again(letter, error)
        except asyncio.CancelledError:
            self.hand_back(letter)
            raise
        else:
            await self._commit(letter)

    def close(self) -> None:
        """Forget every retry; what was not committed is still in its sender's outbox."""
        for handle in self._later:
            handle.cancel()

    async def _again(self, letter: Letter, error: Exception) -> None:
        if isinstance(error, Unavailable):
            return self._retry(letter, self._limits.ladder[-1])
        letter.attempts += 1
        if letter.attempts >= self._limits.deliveries:
            return await self._bury(letter, Reason.of(error))
        return self._retry(letter, self._limits.delay(letter.attempts))

    def _retry(self, letter: Letter, seconds: float) -> None:
        def due() -> None:
            self._later.discard(handle)
            self._offer(letter)

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._later.add(handle)

    async def _bury(self, letter: Letter, reason: Reason) -> None:
        dead = dead_letter(letter, self.name, reason)
        try:
            await self._sink.bury(dead)
        except Unavailable as error:
            structlog.get_logger(__name__).warning("bus.bury_failed", cause=error.cause)
            return self._retry(letter, BURY_AGAIN_SECONDS)
        labels = {"queue": self.name, "type": letter.envelope.type, "code": reason.code}
        DEAD_LETTERS.add(1, labels)
        structlog.get_logger(__name__).error(
            "bus.dead_letter", queue=self.name, message=dead.id, **reason.model_dump()
        )
        return self._settle(letter)

    async def _commit(self, letter: Letter) -> None:
        self._settle(letter)
        if letter.replayed:
            await self._sink.remove(self.name, letter.envelope.id)

    def _settle(self, letter: Letter) -> None:
        self._known.pop(letter.envelope.id, None)
        letter.done.set()

    def _offer(self, letter: Letter) -> None:
        self._ready.append(letter)
        self._filled.set()


class MemoryConsumer:
    """Takes letters from one queue, at most ``prefetch`` at a time."""

    def __init__(self, queue: MemoryQueue, deliver: Deliver, limits: BusLimits) -> None:
        self._queue, self._deliver = queue, deliver
        self._free = asyncio.Semaphore(limits.prefetch)
        self._lanes = Lanes(limits.parallel)
        self._taken: dict[Letter, None] = {}
        self._pump = asyncio.get_running_loop().create_task(self._run())

    def halt(self) -> None:
        """Begin to pause: start nothing more."""
        self._lanes.halt()

    async def pause(self, seconds: float) -> None:
        """Take no more, finish what runs, hand the rest back in order."""
        self._pump.cancel()
        await asyncio.wait([self._pump])
        await self._lanes.stop(seconds)
        for letter in reversed(self._taken):
            self._queue.hand_back(letter)
        self._taken.clear()

    async def _run(self) -> None:
        while True:
            await self._free.acquire()
            letter = await self._queue.next()
            self._taken[letter] = None
            self._lanes.put(letter.envelope.subject, partial(self._handle, letter))

    async def _handle(self, letter: Letter) -> None:
        del self._taken[letter]
        try:
            await self._queue.handle(letter, self._deliver)
        finally:
            self._free.release()


def dead_letter(letter: Letter, queue: str, reason: Reason) -> DeadLetter:
    """The record that is kept of a letter nobody could handle."""
    envelope = letter.envelope
    return DeadLetter(
        id=envelope.id,
        queue=queue,
        type=envelope.type,
        subject=envelope.subject,
        source=envelope.source,
        attempts=max(1, letter.attempts),
        reason=reason,
        body=envelope.model_dump_json(),
    )
