"""Consumes CloudStack's event exchange through a durable queue of our own, in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pydantic import SecretStr
from stowage_contracts.errors import StowageError, Unavailable
from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.bus.rabbit.consumer import settle
from stowage_runtime.bus.rabbit.link import BROKEN, Link, away, unavailable
from stowage_runtime.handling.batches import Batches

from api_gateway.mirror.events import Event, Malformed, read
from api_gateway.mirror.settings import MirrorSettings

PREFETCH = 500
CONNECT_SECONDS = 10.0
WAIT_SECONDS = 10.0
DELIVERIES = 1_000_000
"""Events come back when a gateway goes; that alone is no reason to drop one."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ear:
    """What a listener tells."""

    take: Callable[[Sequence[Event | Malformed]], Awaitable[None]]
    missed: Callable[[], Awaitable[None]]
    """The broker is back after it was away."""
    bound: Callable[[str], Awaitable[str]]
    """What is bound now; answers what was before, empty at first."""


class Listener:
    """One consumer; of several gateways one gets the events, and another goes on when it ends."""

    def __init__(self, settings: MirrorSettings, ear: Ear) -> None:
        self._settings, self._ear, self._was_here = settings, ear, False
        self.queue = f"{settings.bus_prefix}.mirror"
        self._link = Link(_url(settings.mirror_amqp_url), CONNECT_SECONDS)
        self._batches: Batches[Event | Malformed] = Batches(ear.take, most=PREFETCH)
        self._stopped, self._lost = asyncio.Event(), asyncio.Event()
        self._taking: set[asyncio.Task[None]] = set()
        self.error: StowageError | None = away()
        """Why it is not consuming; None while it is."""

    async def run(self) -> None:
        """Consume until ``stop``, over any number of connections."""
        self._link.start()
        backoff = Backoff(first=0.2, cap=5.0)
        try:
            while not self._stopped.is_set():
                try:
                    await self._consume(backoff)
                except StowageError as error:
                    self.error = error
                    _log.warning("mirror.away", code=error.code, cause=error.cause)
                except Exception as error:
                    self.error = away(error, code="mirror")
                    _log.exception("mirror.listener_failed")
                await wait(self._stopped, backoff.next())
        finally:
            await self._link.close()

    def stop(self) -> None:
        """Take no more."""
        self._stopped.set()
        self._lost.set()

    async def depth(self) -> int | None:
        """Events that wait in the queue; None while the broker is away."""
        try:
            channel = await self._link.channel(confirms=False)
            try:
                with unavailable():
                    found = await channel.declare_queue(self.queue, passive=True, timeout=5)
                    return found.declaration_result.message_count
            finally:
                await _leave(channel)
        except Unavailable:
            return None

    @property
    def trouble(self) -> StowageError | None:
        """Why no event can come now."""
        return self.error if self._link.connected else away(self._link.trouble)

    async def _consume(self, backoff: Backoff) -> None:
        channel = await self._link.channel(confirms=False)
        self._lost = asyncio.Event()
        try:
            with unavailable(code="mirror"):
                queue = await self._declared(channel)
                await self._subscribe(channel, queue)
            if self._was_here:
                await self._ear.missed()
            self._was_here, self.error = True, None
            backoff.reset()
            if not self._stopped.is_set():
                await self._lost.wait()
        finally:
            await self._finish(channel)

    async def _declared(self, channel: AbstractChannel) -> AbstractQueue:
        exchange, binding = self._settings.mirror_exchange, self._settings.mirror_binding
        await self._find_exchange(exchange)
        queue = await self._queue(channel)
        await queue.bind(exchange, binding)
        before = await self._ear.bound(f"{exchange} {binding}")
        if before and before != f"{exchange} {binding}":
            await queue.unbind(before.partition(" ")[0], before.partition(" ")[2])
        return queue

    async def _queue(self, channel: AbstractChannel) -> AbstractQueue:
        """One that is there with other bounds is used as it is: it may hold events."""
        arguments: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-max-length": self._settings.mirror_queue_length,
            "x-overflow": "drop-head",
            "x-delivery-limit": DELIVERIES,
        }
        trial = await self._link.channel(confirms=False)
        try:
            await trial.declare_queue(self.queue, durable=True, arguments=arguments)
        except ChannelPreconditionFailed:
            hint = "delete it while it is empty, and it is made anew"
            _log.warning("mirror.queue_differs", queue=self.queue, hint=hint)
        finally:
            await _leave(trial)
        return await channel.get_queue(self.queue)

    async def _find_exchange(self, name: str) -> None:
        """CloudStack declares it when it first publishes; until then we do, alike."""
        trial = await self._link.channel(confirms=False)
        try:
            await trial.declare_exchange(name, passive=True)
        except ChannelNotFoundEntity:
            again = await self._link.channel(confirms=False)
            try:
                await again.declare_exchange(name, ExchangeType.TOPIC, durable=True)
            finally:
                await _leave(again)
        finally:
            await _leave(trial)

    async def _subscribe(self, channel: AbstractChannel, queue: AbstractQueue) -> None:
        lost = self._lost

        async def take(message: AbstractIncomingMessage) -> None:
            task = asyncio.create_task(self._take(message, lost))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

        await channel.set_qos(prefetch_count=PREFETCH)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
        channel.close_callbacks.add(lambda *_: lost.set())
        await queue.consume(take, timeout=WAIT_SECONDS)

    async def _take(self, message: AbstractIncomingMessage, lost: asyncio.Event) -> None:
        """Kept for as long as the database is away; handed back when the broker goes, or we do."""
        event = _read(message)
        backoff = Backoff(first=0.1, cap=5.0)
        while not lost.is_set():
            try:
                await self._batches.put(event)
            except Unavailable:
                await wait(lost, backoff.next())
                continue
            except Exception as error:
                _log.warning("mirror.event_failed", error=type(error).__name__)
                event = Malformed(f"it could not be kept: {type(error).__name__}")
                await wait(lost, backoff.next())
                continue
            await settle(message, ack=True)
            return

    async def _finish(self, channel: AbstractChannel) -> None:
        self._lost.set()
        if self._taking:
            await asyncio.wait(self._taking, timeout=WAIT_SECONDS)
        await _leave(channel)


def _read(message: AbstractIncomingMessage) -> Event | Malformed:
    try:
        return read(message.routing_key or "", message.body)
    except Malformed as error:
        return error
    except Exception as error:
        return Malformed(f"it cannot be read: {type(error).__name__}")


async def _leave(channel: AbstractChannel) -> None:
    with suppress(*BROKEN):
        await asyncio.wait_for(channel.close(), WAIT_SECONDS)


def _url(url: SecretStr) -> str:
    return url.get_secret_value()
