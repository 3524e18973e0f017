"""The bus inside one process: same lanes and rules as RabbitMQ, no broker.

Nothing here is durable. ``send`` returns only when every reader has committed (or the message was
buried), so a message lives in its sender's outbox until nobody needs it any more; after a crash
the outbox says it again and inboxes drop what they know. A send that takes too long raises
Unavailable, and saying the same message again joins the one that is still under way.

Handlers say things through their outbox, so a send never waits inside a handler and readers may
send to each other in circles. Whoever has no outbox (an agent) must send outside its handlers.
"""

import asyncio

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.message import Message

from stowage_runtime.bus import Answer, Deliver, Reader
from stowage_runtime.bus.answers import no_reply, problem_of, unroutable
from stowage_runtime.bus.dead_letters import DeadLetters
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.memory.broker import (
    MemoryBroker,
    MemoryDeadLetters,
    Question,
    queue_missing,
)
from stowage_runtime.bus.memory.pump import Pump
from stowage_runtime.bus.memory.queue import Letter, MemoryConsumer
from stowage_runtime.bus.routing import AGENT_PREFIX, route


class MemoryBus:
    """One service's connection to a ``MemoryBroker``."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker, self._limits = broker, broker.limits
        self._consumers: list[MemoryConsumer | Pump[Envelope] | Pump[Question]] = []
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether it has not been closed."""
        return not self._closed

    async def declare(self, reader: Reader) -> None:
        """Create what ``reader`` needs."""
        self._broker.declare(reader)

    async def send(self, envelope: Envelope, *, to: str = "", mandatory: bool = True) -> None:
        """Return when every reader has committed or the message is buried."""
        kind, key = route(envelope, to)
        queues = self._broker.durable(kind, key)
        if mandatory and not queues:
            raise unroutable(key)
        copied = copy(envelope)
        letters = [(queue.name, queue.put(copied)) for queue in queues]
        try:
            async with asyncio.timeout(self._limits.confirm_seconds):
                for _, letter in letters:
                    await letter.done.wait()
        except TimeoutError:
            raise _uncommitted(letters) from None

    async def signal(self, envelope: Envelope) -> None:
        """Offer it to whoever hears it now."""
        kind, key = route(envelope)
        for shelf in self._broker.hearing(kind, key):
            if shelf.full():
                shelf.get_nowait()
            shelf.put_nowait(copy(envelope))

    async def request(self, envelope: Envelope, *, to: str, seconds: float) -> Message:
        """Ask and wait; raises what the other side raised, or Unavailable."""
        questions = self._broker.requests.get(to)
        if questions is None:
            raise unroutable(to)
        question = Question(copy(envelope), asyncio.get_running_loop().create_future(), seconds)
        try:
            async with asyncio.timeout(seconds):
                await questions.put(question)
                reply = await question.reply
        except TimeoutError:
            raise no_reply(to, seconds) from None
        if isinstance(reply, Problem):
            raise reply.error()
        return reply.message()

    async def listen(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the durable lane."""
        queue = self._broker.queues.get(reader.name)
        if queue is None:
            raise queue_missing(reader.name)
        self._consumers.append(MemoryConsumer(queue, deliver, self._lane(reader)))

    async def hear(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the signals lane."""
        shelf = self._broker.signals.get(reader.name)
        if shelf is None:
            raise queue_missing(reader.name)
        self._consumers.append(Pump(shelf, deliver, self._limits.prefetch))

    async def serve(self, reader: Reader, answer: Answer) -> None:
        """Consume the requests lane."""
        questions = self._broker.requests.get(reader.name)
        if questions is None:
            raise queue_missing(reader.name)

        async def reply(question: Question) -> None:
            if question.reply.done():
                return  # nobody waits any more
            outcome = await _answer(question, answer)
            if not question.reply.done():
                question.reply.set_result(outcome)

        self._consumers.append(Pump(questions, reply, self._limits.parallel))

    async def admit(self, reader: Reader, deliver: Deliver) -> None:
        """Nobody foreign can reach a bus inside one process."""

    def dead_letters(self, name: str) -> DeadLetters:
        """Those of one service; ``hypervisor-agent`` for all agents."""
        return MemoryDeadLetters(self._broker, name)

    def _lane(self, reader: Reader) -> BusLimits:
        agent = reader.name.startswith(AGENT_PREFIX)
        return self._limits if agent else self._limits.sharing

    async def pause(self) -> None:
        """Stop consuming; finish what runs, hand the rest back."""
        consumers, self._consumers = self._consumers, []
        for consumer in consumers:
            consumer.halt()
        await asyncio.gather(*(consumer.pause(self._limits.stop_seconds) for consumer in consumers))

    async def close(self) -> None:
        """Leave the bus; idempotent."""
        self._closed = True
        await self.pause()


def copy(envelope: Envelope) -> Envelope:
    """What a reader sees: exactly what JSON keeps, and nothing shared with the sender."""
    return Envelope.model_validate_json(envelope.model_dump_json())


async def _answer(question: Question, answer: Answer) -> Envelope | Problem:
    try:
        async with asyncio.timeout(question.seconds):
            return copy(await answer(question.envelope))
    except Exception as error:
        return Problem.model_validate_json(problem_of(error).model_dump_json())


def _uncommitted(letters: list[tuple[str, Letter]]) -> Unavailable:
    slow = ", ".join(name for name, letter in letters if not letter.done.is_set())
    return Unavailable(
        f"not yet committed by {slow}",
        resource=slow,
        code="broker",
        hint="the message is still under way; saying it again joins it",
    )
