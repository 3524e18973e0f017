"""Publishes with confirms, or without; every failure is Unavailable and soon."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from aio_pika import Message
from aio_pika.exceptions import PublishError
from aiormq import Channel
from stowage_contracts.errors import Unavailable

from stowage_runtime.bus.answers import unroutable
from stowage_runtime.bus.rabbit.link import BROKEN, Link, OpenChannel, unavailable

SIGNAL_SECONDS = 0.5


@dataclass(frozen=True)
class Target:
    """Where to publish; the default exchange is ``""`` and its keys are queue names."""

    key: str
    exchange: str = ""
    mandatory: bool = True


class Publisher:
    """Any number of tasks may publish at once."""

    def __init__(self, link: Link, confirm_seconds: float) -> None:
        self._link, self._seconds = link, confirm_seconds
        self._sure = OpenChannel(link, confirms=True)
        self._loose = OpenChannel(link, confirms=False)

    async def publish(self, message: Message, target: Target) -> None:
        """Return when the broker has confirmed; raises Unavailable."""
        with unavailable():
            async with asyncio.timeout(self._seconds):
                await self._confirmed(message, target)

    async def _confirmed(self, message: Message, target: Target) -> None:
        channel = await (await self._sure.get()).get_underlay_channel()
        assert isinstance(channel, Channel)
        try:
            # not waiting for the socket lets many be on their way at once; the confirm is awaited
            await channel.basic_publish(
                message.body,
                exchange=target.exchange,
                routing_key=target.key,
                properties=message.properties,
                mandatory=target.mandatory,
                wait=False,
            )
        except PublishError as error:
            raise unroutable(target.key) from error

    async def drop(self, message: Message, target: Target) -> None:
        """Publish without confirm, and forget it when that cannot be done at once."""
        if not self._link.connected:
            return
        with suppress(Unavailable, *BROKEN):
            async with asyncio.timeout(SIGNAL_SECONDS):
                channel = await self._loose.get()
                exchange = await channel.get_exchange(target.exchange, ensure=False)
                await exchange.publish(message, target.key, mandatory=False)
