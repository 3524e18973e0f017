"""Feeds signals or requests of the in-process bus to their handler."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from stowage_runtime.bus.lanes import Lanes

T = TypeVar("T")


class Pump(Generic[T]):
    """Takes no more from its shelf than can be handled at once; the rest waits or is dropped."""

    def __init__(
        self, shelf: asyncio.Queue[T], handle: Callable[[T], Awaitable[None]], parallel: int
    ) -> None:
        self._shelf, self._handle = shelf, handle
        self._free, self._lanes = asyncio.Semaphore(parallel), Lanes(parallel)
        self._pump = asyncio.get_running_loop().create_task(self._run())

    def halt(self) -> None:
        """Begin to pause: start nothing more."""
        self._lanes.halt()

    async def pause(self, seconds: float) -> None:
        """Take no more and let what runs finish."""
        self._pump.cancel()
        await asyncio.wait([self._pump])
        await self._lanes.stop(seconds)

    async def _run(self) -> None:
        while True:
            await self._free.acquire()
            item = await self._shelf.get()
            self._lanes.put("", partial(self._one, item))

    async def _one(self, item: T) -> None:
        try:
            await self._handle(item)
        finally:
            self._free.release()
