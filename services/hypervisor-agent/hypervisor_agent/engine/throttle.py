"""A token bucket: how many bytes a second the lanes of one hop may move together."""

import asyncio
import time
from collections.abc import Callable

BURST_SECONDS = 0.25
"""What was not used is saved up for so long."""


class Throttle:
    """Whoever moved bytes waits until they were allowed; a new limit holds for those who wait."""

    def __init__(
        self, limit: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``limit``: bytes a second; None is unlimited."""
        self.limit, self._clock = limit, clock
        self._spent = 0.0
        self._allowed = 0.0
        self._since = clock()
        self._changed = asyncio.Event()

    def set(self, limit: int | None) -> None:
        """Another limit, from now on; what was saved up, or is owed, without one is forgotten."""
        self._allowed = self._spent if self.limit is None else self._earned()
        self._since = self._clock()
        self.limit = limit
        self._changed.set()
        self._changed = asyncio.Event()

    async def spend(self, count: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """``count`` bytes were moved: return once that was allowed; ``meanwhile`` is called each
        second until then, for who waits here is not stalled."""
        if self.limit is None:
            return
        self._allowed = min(self._earned(), self._spent + self.limit * BURST_SECONDS)
        self._since = self._clock()
        self._spent += count
        mine = self._spent
        while (seconds := self._seconds_until(mine)) > 0:
            changed = self._changed
            try:
                async with asyncio.timeout(min(seconds, 1.0)):
                    await changed.wait()
            except TimeoutError:
                meanwhile()

    def _seconds_until(self, spent: float) -> float:
        return (spent - self._earned()) / self.limit if self.limit else 0.0

    def _earned(self) -> float:
        return self._allowed + (self._clock() - self._since) * (self.limit or 0)
