"""The connection to RabbitMQ: kept up by one task, given out channel by channel."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from stowage_contracts.errors import InvalidInput, Unavailable
from yarl import URL

BROKEN = (AMQPError, OSError, RuntimeError, asyncio.TimeoutError)
"""What aio-pika raises when a channel or connection is not usable (any more)."""
HEARTBEAT_SECONDS = 6
LONGEST_PAUSE = 5.0


def away(error: BaseException | None = None, *, code: str = "broker") -> Unavailable:
    """The broker cannot be used now; ``error`` is told by its first line."""
    text = str(error).partition("\n")[0][:200] if error else ""
    told = f"{type(error).__name__}: {text}" if error else "not connected"
    return Unavailable(told, resource="rabbitmq", hint="is the broker up?", code=code)


@contextmanager
def unavailable(*, code: str = "broker") -> Iterator[None]:
    """Turns what aio-pika raises into Unavailable.

    It also cancels the waits of a connection that dies; such a cancellation is not the caller's.
    """
    try:
        yield
    except BROKEN as error:
        raise away(error, code=code) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise away(code=code) from None


class Link:
    """Connects, and connects again with growing pauses, until closed."""

    def __init__(self, url: str, connect_seconds: float) -> None:
        """Raises InvalidInput for a URL that cannot be a broker's."""
        self._url = URL(url).update_query(heartbeat=HEARTBEAT_SECONDS)
        if self._url.scheme not in ("amqp", "amqps") or not self._url.host:
            raise InvalidInput(
                "not a broker URL",
                resource="rabbitmq",
                code="url",
                hint="amqp://user:password@host/vhost",
            )
        self._seconds = connect_seconds
        self._connection: AbstractConnection | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.connects = 0
        self.trouble: BaseException | None = None
        """Why the last attempt to connect failed."""

    @property
    def user(self) -> str:
        """The broker user, which the broker checks against what messages claim."""
        return self._url.user or "guest"

    @property
    def connected(self) -> bool:
        """Whether the connection is open."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect; idempotent."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def up(self) -> None:
        """Wait until connected, however long that takes."""
        await self._up.wait()

    async def channel(self, *, confirms: bool = True) -> AbstractChannel:
        """A new channel; raises Unavailable."""
        connection = self._connection
        if connection is None or not self.connected:
            raise away()
        with unavailable():
            channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
            await channel.initialize(timeout=self._seconds)
        return channel

    async def close(self) -> None:
        """Leave; idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        await self._drop()

    async def _keep(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._connect()
            except Exception as error:
                self.trouble = error
                structlog.get_logger(__name__).warning("bus.away", cause=away(error).cause)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 no secret
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = 0.1
            await self._lost.wait()
            await self._drop()

    async def _connect(self) -> None:
        self._lost.clear()
        connection = await aio_pika.connect(self._url, timeout=self._seconds)
        connection.close_callbacks.add(lambda *_: self._lose())
        self._connection = connection
        self.connects += 1
        self._up.set()
        structlog.get_logger(__name__).info("bus.connected", connects=self.connects)

    def _lose(self) -> None:
        self._up.clear()
        self._lost.set()

    async def _drop(self) -> None:
        self._up.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*BROKEN):
                await asyncio.wait_for(connection.close(), self._seconds)


class OpenChannel:
    """One channel, opened when first used and again after the broker closed it."""

    def __init__(
        self,
        link: Link,
        *,
        confirms: bool,
        prepare: Callable[[AbstractChannel], Awaitable[None]] | None = None,
    ) -> None:
        self._link, self._confirms, self._prepare = link, confirms, prepare
        self._channel: AbstractChannel | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> AbstractChannel:
        """The open channel; raises Unavailable."""
        if self._channel is not None and not self._channel.is_closed and self._link.connected:
            return self._channel
        async with self._lock:
            if self._channel is None or self._channel.is_closed or not self._link.connected:
                self._channel = await self._open()
            return self._channel

    async def _open(self) -> AbstractChannel:
        channel = await self._link.channel(confirms=self._confirms)
        if self._prepare is not None:
            with unavailable():
                await self._prepare(channel)
        return channel
