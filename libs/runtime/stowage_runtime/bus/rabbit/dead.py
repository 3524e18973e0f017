"""Dead letters on RabbitMQ: browsed without being taken, replayed with a confirm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import NotFound

from stowage_runtime.bus.dead_letters import DeadLetter, Reason
from stowage_runtime.bus.rabbit.consumer import settle
from stowage_runtime.bus.rabbit.durable import DIED, REASON, attempts
from stowage_runtime.bus.rabbit.link import Link, OpenChannel, unavailable
from stowage_runtime.bus.rabbit.publisher import Publisher, Target
from stowage_runtime.bus.rabbit.wire import QUEUE, Origin

GET_SECONDS = 10.0
SCANNED = 100_000
"""Dead letters looked through for one id."""


class RabbitDeadLetters:
    """The dead-letter queue of one service (agents share one)."""

    def __init__(self, link: Link, publisher: Publisher, queue: str) -> None:
        self._link, self._publisher, self._queue = link, publisher, queue
        self._channel = OpenChannel(link, confirms=False)
        self._alone = asyncio.Lock()

    async def entries(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest ones first."""
        async with self._browse(limit) as messages:
            return [letter(message) for message in messages]

    async def show(self, id: str) -> DeadLetter:
        """One of them; raises NotFound."""
        async with self._browse(SCANNED) as messages:
            return letter(self._find(messages, id))

    async def replay(self, id: str) -> None:
        """Deliver it again, as if new; raises NotFound."""
        async with self._browse(SCANNED) as messages:
            await self._replay(self._find(messages, id), messages)

    async def replay_all(self) -> int:
        """Replay those that are there now; answers how many."""
        async with self._browse(SCANNED) as messages:
            found = list(messages)
            for message in found:
                await self._replay(message, messages)
        return len(found)

    @asynccontextmanager
    async def _browse(self, limit: int) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Take what is there and hand back, in order, what is still in the list at the end.

        One channel does both, so that the next look sees all that this one handed back.
        """
        async with self._alone:
            messages: list[AbstractIncomingMessage] = []
            try:
                with unavailable(code="queue"):
                    await self._take(limit, messages)
                yield messages
            finally:
                for message in messages:
                    await settle(message, ack=False, requeue=True)

    async def _take(self, limit: int, messages: list[AbstractIncomingMessage]) -> None:
        queue = await (await self._channel.get()).get_queue(self._queue, ensure=False)
        while len(messages) < limit:
            message = await queue.get(fail=False, timeout=GET_SECONDS)
            if message is None:
                return
            messages.append(message)

    def _find(self, messages: list[AbstractIncomingMessage], id: str) -> AbstractIncomingMessage:
        for message in messages:
            if identity(message) == id:
                return message
        raise NotFound(f"no dead letter {id} in {self._queue}", resource=id, code="dead_letter")

    async def _replay(
        self, message: AbstractIncomingMessage, messages: list[AbstractIncomingMessage]
    ) -> None:
        fresh = Message(
            message.body,
            content_type=message.content_type,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=message.message_id,
            type=message.type,
            user_id=self._link.user,
            headers=dict(Origin.of(message).headers),
        )
        await self._publisher.publish(fresh, Target(letter(message).queue))
        messages.remove(message)
        await settle(message, ack=True)


def identity(message: AbstractIncomingMessage) -> str:
    """Its message id; foreign messages may have none."""
    return message.message_id or sha256(message.body).hexdigest()[:32]


def letter(message: AbstractIncomingMessage) -> DeadLetter:
    """What the headers and the body tell."""
    told = {"type": message.type or "", "subject": "", "source": ""}
    try:
        envelope = Envelope.model_validate_json(message.body)
        told = {name: getattr(envelope, name) for name in told}
    except ValidationError:
        told["subject"] = "(not an envelope)"
    headers = message.headers
    return DeadLetter(
        id=identity(message),
        queue=str(headers.get(QUEUE) or headers.get("x-first-death-queue", "")),
        attempts=max(1, attempts(message)),
        reason=_reason(message),
        died=_died(message),
        body=message.body.decode(errors="replace"),
        **told,
    )


def _reason(message: AbstractIncomingMessage) -> Reason:
    texts = {name: str(message.headers.get(REASON + name, "")) for name in Reason.model_fields}
    if texts["code"]:
        return Reason(**texts)
    why = str(message.headers.get("x-first-death-reason", "unknown"))
    cause = {
        "delivery_limit": "it was handed back each time: its handler ends the process, or hangs",
        "rejected": "its reader refused it; the reader's log says why",
    }.get(why, f"the broker gave it up: {why}")
    return Reason(code=f"broker.{why}", cause=cause)


def _died(message: AbstractIncomingMessage) -> datetime:
    if text := message.headers.get(DIED):
        return datetime.fromisoformat(str(text))
    deaths = message.headers.get("x-death")
    rows = [row for row in deaths if isinstance(row, dict)] if isinstance(deaths, list) else []
    when = rows[0].get("time") if rows else None
    return when.replace(tzinfo=UTC) if isinstance(when, datetime) else datetime.now(UTC)
