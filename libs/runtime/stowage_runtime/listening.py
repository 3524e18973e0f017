"""Joins the bus: declares and consumes the service's lanes as soon as there is a broker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog
from stowage_contracts.errors import Unavailable

from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.bus import Bus
from stowage_runtime.handling.consumer import Consumer

D = TypeVar("D")
log = structlog.get_logger(__name__)


class Listening(Generic[D]):
    """A loop that joins once and then rests: staying joined is the bus's own business.

    ``joined`` says whether every lane is consumed.
    """

    def __init__(self, bus: Bus, consumer: Consumer[D]) -> None:
        self._bus, self._consumer = bus, consumer
        self.joined = False
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Join, trying again while the broker is away; raises Conflict for another topology."""
        for step in self._steps():
            await self._patiently(step)
        self.joined = not self._stopped.is_set()
        await self._stopped.wait()

    def stop(self) -> None:
        """Try no more."""
        self._stopped.set()

    def _steps(self) -> list[Callable[[], Awaitable[None]]]:
        bus, consumer, reader = self._bus, self._consumer, self._consumer.reader
        steps: list[Callable[[], Awaitable[None]]]
        steps = [lambda: bus.declare(reader), lambda: bus.listen(reader, consumer.deliver)]
        if reader.signals:
            steps.append(lambda: bus.hear(reader, consumer.hear))
        if reader.requests:
            steps.append(lambda: bus.serve(reader, consumer.answer))
        if reader.ingress:
            steps.append(lambda: bus.admit(reader, consumer.take))
        return steps

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(first=0.2, cap=5.0)
        while not self._stopped.is_set():
            try:
                await step()
                return
            except Unavailable as error:
                if backoff.failures == 0:
                    log.warning("service.bus_away", cause=error.cause)
                await wait(self._stopped, backoff.next())
