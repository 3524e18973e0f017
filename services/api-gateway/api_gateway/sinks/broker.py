"""Exchanges: events are published on a RabbitMQ broker, each confirmed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange, HeadersType
from aio_pika.exceptions import DeliveryError
from pydantic import SecretStr
from stowage_contracts.errors import StowageError
from stowage_contracts.sinks import SinkFormat
from stowage_runtime.bus.rabbit.link import BROKEN, HEARTBEAT_SECONDS, unavailable
from yarl import URL

from api_gateway.sinks import cloudstack
from api_gateway.sinks.outgoing import Outgoing
from api_gateway.sinks.rows import Sink
from api_gateway.sinks.sending import refused

APP = "stowage"
"""The app_id of every message: who reads back what it sent can tell."""
NOBODYS, ADMINS = "public", "operators"


class BrokerSender:
    """One sink's connection; the exchange is declared whenever it is made."""

    together = False

    def __init__(self, sink: Sink, own: SecretStr) -> None:
        """``own`` is the service's broker, for sinks that name none."""
        self._sink = sink
        self._url = sink.secrets.url.get_secret_value() or own.get_secret_value()
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._opening = asyncio.Lock()

    async def send(self, events: Sequence[Outgoing]) -> Sequence[StowageError | None]:
        """All at once; each waits for its own confirm."""
        return await asyncio.gather(*map(self._publish, events))

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with suppress(*BROKEN):
                await asyncio.wait_for(connection.close(), self._sink.options.seconds)

    async def _publish(self, event: Outgoing) -> StowageError | None:
        try:
            with unavailable(code="receiver"):
                async with asyncio.timeout(self._sink.options.seconds):
                    exchange = await self._ready()
                    for key, message in self._messages(event):
                        mandatory = self._sink.options.mandatory
                        await exchange.publish(message, key, mandatory=mandatory)
        except StowageError as error:
            await self._judge(error)
            return refused(self._sink, error.cause)
        return None

    async def _judge(self, error: StowageError) -> None:
        """Whatever was wrong with the connection, the next attempt has a new one; what only could
        not be routed leaves it alone."""
        if not isinstance(error.__cause__, DeliveryError):
            await self.close()

    def _messages(self, event: Outgoing) -> list[tuple[str, aio_pika.Message]]:
        if self._sink.format is SinkFormat.CLOUDSTACK:
            source = self._sink.options.event_source
            return [(each.key(source), plain(each)) for each in cloudstack.told_or_own(event)]
        return [(key_of(event), binary(event))]

    async def _ready(self) -> AbstractExchange:
        async with self._opening:
            if self._exchange is None or self._connection is None or self._connection.is_closed:
                self._exchange = await self._open()
            return self._exchange

    async def _open(self) -> AbstractExchange:
        url = URL(self._url).update_query(heartbeat=HEARTBEAT_SECONDS)
        self._connection = await aio_pika.connect(url, timeout=self._sink.options.seconds)
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        name = self._sink.options.exchange or APP
        return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)


def key_of(event: Outgoing) -> str:
    """``<noun>.<type>.<account>``; ``public`` or ``operators`` where that is no account."""
    account = {"": NOBODYS, "*": ADMINS}.get(event.account, event.account)
    return ".".join(part.replace(".", "-") for part in (event.noun, event.type, account))


def binary(event: Outgoing) -> aio_pika.Message:
    """A CloudEvent in AMQP's binary mode: attributes are headers, data is the body."""
    told = event.attributes
    content = str(told.pop("datacontenttype"))
    headers: HeadersType = {f"cloudEvents:{name}": value for name, value in told.items()}
    return aio_pika.Message(
        event.data,
        content_type=content,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=event.id,
        type=event.type,
        timestamp=event.time,
        app_id=APP,
        headers=headers,
    )


def plain(event: cloudstack.CloudStackEvent) -> aio_pika.Message:
    """As CloudStack publishes: persistent plain text, no headers."""
    return aio_pika.Message(
        event.payload,
        content_type="text/plain",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        app_id=APP,
    )
