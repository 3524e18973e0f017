"""Questions with a deadline, over RabbitMQ's direct reply-to; nothing of them is kept."""

import asyncio
from dataclasses import dataclass

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import PublishError
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.topology import REQUEST_TTL_SECONDS, Topology

from stowage_runtime.bus import Answer
from stowage_runtime.bus.answers import no_reply, problem_of, unroutable
from stowage_runtime.bus.rabbit.consumer import settle
from stowage_runtime.bus.rabbit.link import Link, OpenChannel, away, unavailable
from stowage_runtime.bus.rabbit.publisher import Publisher, Target
from stowage_runtime.bus.rabbit.wire import pack, unpack

REPLY_TO = "amq.rabbitmq.reply-to"
SECONDS = "x-stowage-seconds"
PROBLEM = "application/problem+json"


class Asker:
    """Sends requests and matches the replies."""

    def __init__(self, link: Link, topology: Topology) -> None:
        self._link, self._exchange = link, topology.exchange("requests")
        self._channel = OpenChannel(link, confirms=True, prepare=self._prepare)
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage | None]] = {}

    async def ask(self, envelope: Envelope, to: str, seconds: float) -> bytes:
        """The reply's body; raises what the other side raised, or Unavailable."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting[envelope.id] = answer
        try:
            async with asyncio.timeout(seconds):
                await self._publish(envelope, to, seconds)
                reply: AbstractIncomingMessage | None = await answer
        except TimeoutError:
            raise no_reply(to, seconds) from None
        finally:
            self._waiting.pop(envelope.id, None)
        if reply is None:
            raise away()
        if reply.content_type == PROBLEM:
            raise Problem.model_validate_json(reply.body).error()
        return reply.body

    async def _publish(self, envelope: Envelope, to: str, seconds: float) -> None:
        message = pack(envelope, self._link.user, durable=False)
        message.reply_to, message.correlation_id = REPLY_TO, envelope.id
        message.expiration, message.headers = seconds, {SECONDS: str(seconds)}
        channel = await self._channel.get()
        exchange = await channel.get_exchange(self._exchange, ensure=False)
        try:
            with unavailable():
                await exchange.publish(message, to, mandatory=True)
        except Unavailable as error:
            if isinstance(error.__cause__, PublishError):
                raise unroutable(to) from error
            raise

    async def _prepare(self, channel: AbstractChannel) -> None:
        """Replies come only to the channel that asked, so it must consume first."""
        queue = await channel.get_queue(REPLY_TO, ensure=False)
        await queue.consume(self._take, no_ack=True)
        channel.close_callbacks.add(lambda *_: self._fail())

    async def _take(self, reply: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(reply.correlation_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _fail(self) -> None:
        """Replies cannot arrive any more: say so now rather than at the deadline."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)


@dataclass(frozen=True)
class Answerer:
    """Handles what arrives on a requests queue."""

    answer: Answer
    publisher: Publisher
    topology: Topology
    user: str

    async def __call__(self, message: AbstractIncomingMessage) -> None:
        """Answer one request, with a reply or a problem."""
        reply = await self._reply(message)
        reply.correlation_id = message.correlation_id
        if message.reply_to:
            await self.publisher.drop(reply, Target(message.reply_to))
        await settle(message, ack=True)

    async def _reply(self, message: AbstractIncomingMessage) -> Message:
        try:
            async with asyncio.timeout(_seconds(message)):
                reply = await self.answer(unpack(message, self.topology))
        except Exception as error:
            return Message(problem_of(error).model_dump_json().encode(), content_type=PROBLEM)
        return pack(reply, self.user, durable=False)


def _seconds(message: AbstractIncomingMessage) -> float:
    try:
        return min(float(str(message.headers.get(SECONDS))), REQUEST_TTL_SECONDS)
    except ValueError:
        return REQUEST_TTL_SECONDS
