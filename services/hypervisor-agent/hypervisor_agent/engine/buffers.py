"""Reused buffers under one budget for the whole process, reserved before a request is made."""

import asyncio
import mmap
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from stowage_contracts.errors import InvalidInput

DEFAULT_BUDGET = 24 * 1024 * 1024


class Dismissed(Exception):
    """There is nothing left to do with the buffer that was waited for."""


@dataclass(frozen=True, eq=False)
class _Waiter:
    size: int
    whose: object
    turn: asyncio.Future[None]


class Buffers:
    """Lends buffers of any size; waits, first come first served, while the budget is spent.

    Who is named and holds none never waits: one slow borrower must not stop another.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._lent = 0
        self._held: Counter[object] = Counter()
        self._free: list[mmap.mmap] = []
        self._waiting: deque[_Waiter] = deque()

    @asynccontextmanager
    async def lend(self, size: int, whose: object = None) -> AsyncIterator[memoryview]:
        """A buffer of ``size`` bytes with any content; the first of ``whose`` may go beyond the
        budget. Raises InvalidInput for a size above it, Dismissed.

        When the block fails the buffer is dropped, not reused: a thread may still be busy with it.
        """
        await self._reserve(size, whose)
        self._held[whose] += 1
        buffer = self._take(size)
        try:
            yield memoryview(buffer)[:size]
            self._free.append(buffer)
        finally:
            self._let_go(whose)
            self._lent -= size
            self._wake()

    def dismiss(self, whose: object) -> None:
        """Who waits in that name gets none: it would hold up the end of what is done already."""
        for waiter in [one for one in self._waiting if one.whose == whose]:
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                waiter.turn.set_exception(Dismissed())
        self._wake()

    def _let_go(self, whose: object) -> None:
        self._held[whose] -= 1
        if not self._held[whose]:
            del self._held[whose]

    async def _reserve(self, size: int, whose: object) -> None:
        if size > self.budget:
            raise InvalidInput(
                f"a part of {size} bytes is above the buffer budget of {self.budget}",
                code="part_size",
                hint="raise STOWAGE_AGENT_BUFFER_BYTES",
            )
        at_once = whose is not None and whose not in self._held
        if at_once or not (self._waiting or self._lent + size > self.budget):
            self._lent += size
            return
        waiter = _Waiter(size, whose, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise

    def _withdraw(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.turn.done() and not waiter.turn.cancelled() and not waiter.turn.exception():
            self._lent -= waiter.size  # its turn had come
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._lent + self._waiting[0].size <= self.budget:
            waiter = self._waiting.popleft()
            if not waiter.turn.done():
                self._lent += waiter.size
                waiter.turn.set_result(None)

    def _take(self, size: int) -> mmap.mmap:
        """Whole pages, as direct I/O wants them, which go back to the system once dropped."""
        for buffer in self._free:
            if len(buffer) == size:
                self._free.remove(buffer)
                return buffer
        while self._free and self._lent + sum(map(len, self._free)) > self.budget:
            self._free.pop()
        return mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
