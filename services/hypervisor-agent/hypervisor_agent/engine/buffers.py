"""Reused buffers under one budget for the whole process, reserved before a request is made."""

import asyncio
import mmap
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stowage_contracts.errors import InvalidInput

DEFAULT_BUDGET = 32 * 1024 * 1024


class Buffers:
    """Lends buffers of any size; waits, first come first served, while the budget is spent.

    Who is named and holds none never waits: one slow borrower must not stop another.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._lent = 0
        self._held: Counter[object] = Counter()
        self._free: list[mmap.mmap] = []
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def lend(self, size: int, whose: object = None) -> AsyncIterator[memoryview]:
        """A buffer of ``size`` bytes with any content; the first of ``whose`` may go beyond the
        budget. Raises InvalidInput for a size above it.

        When the block fails the buffer is dropped, not reused: a thread may still be busy with it.
        """
        await self._reserve(size, at_once=whose is not None and whose not in self._held)
        self._held[whose] += 1
        buffer = self._take(size)
        try:
            yield memoryview(buffer)[:size]
            self._free.append(buffer)
        finally:
            self._let_go(whose)
            self._lent -= size
            self._wake()

    def _let_go(self, whose: object) -> None:
        self._held[whose] -= 1
        if not self._held[whose]:
            del self._held[whose]

    async def _reserve(self, size: int, *, at_once: bool) -> None:
        if size > self.budget:
            raise InvalidInput(
                f"a part of {size} bytes is above the buffer budget of {self.budget}",
                code="part_size",
                hint="raise STOWAGE_AGENT_BUFFER_BYTES",
            )
        if not at_once and (self._waiting or self._lent + size > self.budget):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                self._withdraw(size, turn)
                raise
        else:
            self._lent += size

    def _withdraw(self, size: int, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self._lent -= size
        else:
            self._waiting.remove((size, turn))
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._lent + self._waiting[0][0] <= self.budget:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._lent += size
                turn.set_result(None)

    def _take(self, size: int) -> mmap.mmap:
        """Whole pages, as direct I/O wants them, which go back to the system once dropped."""
        for buffer in self._free:
            if len(buffer) == size:
                self._free.remove(buffer)
                return buffer
        while self._free and self._lent + sum(map(len, self._free)) > self.budget:
            self._free.pop()
        return mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
