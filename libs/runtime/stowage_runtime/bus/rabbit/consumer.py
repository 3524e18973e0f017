"""Consumes one queue for as long as its bus lives, over any number of connections."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from stowage_contracts.errors import Unavailable

from stowage_runtime.bus.lanes import Job, Lanes
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit.link import BROKEN, Link, unavailable

Handle = Callable[[AbstractIncomingMessage], Awaitable[None]]
Read = Callable[[AbstractIncomingMessage], tuple[str, Job]]
"""The key of a message (those of one key are handled one after another) and what is to be done."""


def unordered(handle: Handle) -> Read:
    """Messages that wait for nobody."""
    return lambda message: ("", lambda: handle(message))


class Consumer:
    """Does the jobs that ``read`` makes of the messages of ``queue``; each settles its own."""

    def __init__(self, link: Link, queue: str, read: Read, limits: BusLimits) -> None:
        self._link, self._queue, self._read, self._limits = link, queue, read, limits
        self._channel: AbstractChannel | None = None
        self._lanes = Lanes(limits.parallel)
        self._tag = ""
        self._keeper: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Consume now, or as soon as there is a broker; raises Unavailable without the queue."""
        if self._link.connected:
            await self._consume()
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    def halt(self) -> None:
        """Begin to pause: start nothing more."""
        self._lanes.halt()

    async def pause(self) -> None:
        """Take no more, finish what runs, hand the rest back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        channel, self._channel = self._channel, None
        if channel is not None:
            with suppress(*BROKEN):
                queue = await channel.get_queue(self._queue, ensure=False)
                await queue.cancel(self._tag, timeout=self._limits.confirm_seconds)
        await self._lanes.stop(self._limits.stop_seconds)
        if channel is not None:
            await self._leave(channel)

    async def _keep(self) -> None:
        while True:
            if self._channel is not None:
                await self._gone(self._channel)
            await self._link.up()
            try:
                await self._consume()
            except Unavailable as error:
                structlog.get_logger(__name__).warning("bus.queue_away", cause=error.cause)
                await asyncio.sleep(1)

    async def _gone(self, channel: AbstractChannel) -> None:
        await channel.closed()
        self._channel = None

    async def _consume(self) -> None:
        channel = await self._link.channel(confirms=False)
        try:
            with unavailable(code="queue"):
                await self._subscribe(channel)
        except BaseException:
            await self._leave(channel)
            raise
        self._channel = channel

    async def _subscribe(self, channel: AbstractChannel) -> None:
        async def take(message: AbstractIncomingMessage) -> None:
            self._lanes.put(*self._read(message))

        def cancelled(_frame: object) -> None:
            """Called by the channel's reader, which must go on reading while it closes."""
            self._leaving = asyncio.get_running_loop().create_task(self._leave(channel))

        await channel.set_qos(prefetch_count=self._limits.prefetch)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(cancelled)
        queue = await channel.get_queue(self._queue, ensure=False)
        self._tag = await queue.consume(take, timeout=self._limits.confirm_seconds)

    async def _leave(self, channel: AbstractChannel) -> None:
        with suppress(*BROKEN):
            await asyncio.wait_for(channel.close(), self._limits.confirm_seconds)


async def settle(message: AbstractIncomingMessage, *, ack: bool, requeue: bool = False) -> None:
    """Acknowledge or refuse; without a channel the broker hands it out again anyway."""
    with suppress(*BROKEN):
        tag = message.delivery_tag or 0
        if ack:
            await message.channel.basic_ack(tag, wait=False)
        else:
            await message.channel.basic_reject(tag, requeue=requeue, wait=False)
