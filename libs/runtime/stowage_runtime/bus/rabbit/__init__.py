"""The bus on RabbitMQ: quorum queues, confirms, a retry ladder, dead letters."""

import asyncio
from typing import Self

from aio_pika.abc import AbstractIncomingMessage
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.topology import Topology

from stowage_runtime.bus import Answer, Deliver, Reader, Rejected
from stowage_runtime.bus.dead_letters import DeadLetters
from stowage_runtime.bus.lanes import Job
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit.consumer import Consumer, Read, settle, unordered
from stowage_runtime.bus.rabbit.dead import RabbitDeadLetters
from stowage_runtime.bus.rabbit.durable import AgentRescue, DurableHandler, LadderRescue, Rescue
from stowage_runtime.bus.rabbit.ingress import ForeignHandler, Outlet
from stowage_runtime.bus.rabbit.link import Link, away, unavailable
from stowage_runtime.bus.rabbit.publisher import Publisher, Target
from stowage_runtime.bus.rabbit.requests import Answerer, Asker
from stowage_runtime.bus.rabbit.topology import declare, queues
from stowage_runtime.bus.rabbit.wire import pack, unpack
from stowage_runtime.bus.routing import AGENT_PREFIX, route


class RabbitBus:
    """One connection; ``start`` returns at once and the bus connects when it can."""

    def __init__(self, url: str, topology: Topology, limits: BusLimits | None = None) -> None:
        self._topology, self._limits = topology, limits or BusLimits()
        self._link = Link(url, self._limits.connect_seconds)
        self._publisher = Publisher(self._link, self._limits.confirm_seconds)
        self._asker = Asker(self._link, topology)
        self._consumers: list[Consumer] = []
        self._graves: dict[str, RabbitDeadLetters] = {}

    def start(self) -> Self:
        """Begin to connect."""
        self._link.start()
        return self

    async def ready(self) -> Self:
        """Start and wait for the first connection; raises Unavailable."""
        self.start()
        try:
            await asyncio.wait_for(self._link.up(), self._limits.connect_seconds)
        except TimeoutError:
            raise away(self._link.trouble) from None
        return self

    @property
    def connected(self) -> bool:
        """Whether the connection is open now."""
        return self._link.connected

    async def declare(self, reader: Reader) -> None:
        """Create what ``reader`` needs; raises Unavailable, or Conflict with what is there."""
        channel = await self._link.channel(confirms=False)
        plans = list(queues(reader, self._topology, self._limits))
        try:
            with unavailable():
                await declare(channel, self._topology, plans)
        finally:
            await channel.close()

    async def send(self, envelope: Envelope, *, to: str = "", mandatory: bool = True) -> None:
        """Publish on the durable lane; returns when the broker has it safe."""
        exchange, key = route(envelope, to)
        target = Target(key, self._topology.exchange(exchange), mandatory)
        await self._publisher.publish(pack(envelope, self._link.user), target)

    async def signal(self, envelope: Envelope) -> None:
        """Publish and forget."""
        exchange, key = route(envelope)
        message = pack(envelope, self._link.user, durable=False)
        await self._publisher.drop(message, Target(key, self._topology.exchange(exchange)))

    async def request(self, envelope: Envelope, *, to: str, seconds: float) -> Message:
        """Ask and wait; raises what the other side raised, or Unavailable."""
        reply = await self._asker.ask(envelope, to, seconds)
        return Envelope.model_validate_json(reply).message()

    async def listen(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the durable lane."""
        queue = self._topology.queue(reader.name)
        handler = DurableHandler(deliver, self._rescue(reader), self._topology)
        agent = reader.name.startswith(AGENT_PREFIX)
        limits = self._limits if agent else self._limits.sharing
        await self._consume(queue, handler.read, limits)

    async def hear(self, reader: Reader, deliver: Deliver) -> None:
        """Consume the signals lane."""

        def read(message: AbstractIncomingMessage) -> tuple[str, Job]:
            try:
                envelope = unpack(message, self._topology)
            except Rejected:
                return "", lambda: settle(message, ack=True)
            return envelope.subject, lambda: take(message, envelope)

        async def take(message: AbstractIncomingMessage, envelope: Envelope) -> None:
            try:
                await deliver(envelope)
            finally:
                await settle(message, ack=True)

        queue = self._topology.queue(reader.name, "signals")
        await self._consume(queue, read, self._limits.sharing)

    async def serve(self, reader: Reader, answer: Answer) -> None:
        """Consume the requests lane."""
        answerer = Answerer(answer, self._publisher, self._topology, self._link.user)
        queue = self._topology.queue(reader.name, "requests")
        await self._consume(queue, unordered(answerer), self._limits)

    async def admit(self, reader: Reader, deliver: Deliver) -> None:
        """Consume what foreign publishers send."""
        answers = Target("", self._topology.errors, mandatory=False)
        outlet = Outlet(self._publisher, answers, self._link.user)
        handler = ForeignHandler(deliver, outlet, self._limits)
        queue = self._topology.queue(reader.name, "ingress")
        await self._consume(queue, unordered(handler), self._limits)

    def dead_letters(self, name: str) -> DeadLetters:
        """Those of one service; ``hypervisor-agent`` for all agents."""
        if name not in self._graves:
            queue = self._topology.queue(name, "dead")
            self._graves[name] = RabbitDeadLetters(self._link, self._publisher, queue)
        return self._graves[name]

    async def pause(self) -> None:
        """Stop consuming; finish what runs, hand the rest back."""
        consumers, self._consumers = self._consumers, []
        for consumer in consumers:
            consumer.halt()
        await asyncio.gather(*(consumer.pause() for consumer in consumers))

    async def close(self) -> None:
        """Pause and disconnect."""
        await self.pause()
        await self._link.close()

    async def _consume(self, queue: str, read: Read, limits: BusLimits) -> None:
        consumer = Consumer(self._link, queue, read, limits)
        await consumer.start()
        self._consumers.append(consumer)

    def _rescue(self, reader: Reader) -> Rescue:
        queue = self._topology.queue(reader.name)
        if reader.name.startswith(AGENT_PREFIX):
            return AgentRescue(queue, self._limits)
        return LadderRescue(self._publisher, queue, self._link.user, self._limits)
