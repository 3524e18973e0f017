"""Stall, not timeout: time counts only while no byte moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from stowage_contracts.errors import Stalled

Moved = Callable[[], None]


class _Watch:
    """Notes when bytes moved; costs a reading of the clock, not a new timer, for each chunk."""

    def __init__(self, seconds: float, limit: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds, self._limit = seconds, limit
        self._last = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look)

    def moved(self) -> None:
        self._last = self._loop.time()

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        due = self._last + self._seconds
        if due <= self._loop.time():
            self._limit.reschedule(due)
        else:
            self._timer = self._loop.call_at(due, self._look)


@asynccontextmanager
async def stall_limit(seconds: float, what: str) -> AsyncIterator[Moved]:
    """Yields what to call whenever bytes moved; raises Stalled after ``seconds`` without."""
    try:
        async with asyncio.timeout(None) as limit:
            watch = _Watch(seconds, limit)
            try:
                yield watch.moved
            finally:
                watch.stop()
    except TimeoutError:
        raise Stalled(
            f"no bytes for {seconds:g} s", resource=what, hint="the transfer resumes where it was"
        ) from None
