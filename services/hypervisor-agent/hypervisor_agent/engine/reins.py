"""How a hop under way is held: its speed, and whether it is to stop at the edge of a range."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from stowage_contracts.plugins import RangedReader, StreamReader
from stowage_contracts.values import Range

from hypervisor_agent.engine.hashing import Hashing
from hypervisor_agent.engine.progress import Pace
from hypervisor_agent.engine.throttle import Throttle

PIECE_SECONDS = 0.25
SMALLEST_PIECE = 256 * 1024
"""Under a limit a read is cut into pieces of so many seconds, so that it goes evenly."""


LANE_SPEED = 4 * 1024 * 1024
"""Bytes a second below which one lane is enough."""


class Yielded(BaseException):
    """The hop stopped because it was asked to; what its destination journaled stays. Like a
    cancellation it is no fault, to be named or tried again."""


class Reins:
    """One hop's; shared by its lanes."""

    def __init__(self, limit: int | None = None) -> None:
        self._throttle = Throttle(limit)
        self._stop = asyncio.Event()
        self._charged = 0
        self._limits: set[asyncio.Timeout] = set()
        self._lanes = 0
        self._turn = asyncio.Event()

    @property
    def yields(self) -> bool:
        """Whether it is to stop: no range is begun any more, what is being read is given up,
        and what is being written is finished."""
        return self._stop.is_set()

    @property
    def paced(self) -> bool:
        """Whether there is a limit now."""
        return self._throttle.limit is not None

    def limit(self, bytes_per_second: int | None) -> None:
        """Another speed from now on."""
        self._throttle.set(bytes_per_second)
        self._next()

    def stop(self) -> None:
        """Stop at the edge of the ranges that are being written."""
        self._stop.set()
        for limit in self._limits:
            limit.reschedule(0)
        self._throttle.set(None)
        self._next()

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """A lane's turn. Under a limit few lanes go at once: a slow hop holds few of the buffers
        that all hops share. Raises Yielded."""
        while self._lanes >= self._most:
            turn = self._turn
            await turn.wait()
        self.check()
        self._lanes += 1
        try:
            yield
        finally:
            self._lanes -= 1
            self._next()

    @property
    def _most(self) -> float:
        limit = self._throttle.limit
        return math.inf if limit is None else max(1, limit // LANE_SPEED)

    def _next(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()

    def check(self) -> None:
        """Raises Yielded once it is to stop."""
        if self._stop.is_set():
            raise Yielded

    @asynccontextmanager
    async def ending(self, limit: asyncio.Timeout) -> AsyncIterator[None]:
        """``limit`` runs out once it is to stop."""
        self._limits.add(limit)
        try:
            yield
        finally:
            self._limits.discard(limit)

    async def arrived(self, count: int, moved: Callable[[], None]) -> None:
        """Bytes came in the middle of a read; ``moved`` is its stall limit's. Raises Yielded."""
        self.check()
        if self._throttle.limit is not None:
            self._charged += count
            await self._throttle.spend(count, moved)
            self.check()

    async def settle(self, received: int) -> None:
        """So many bytes came over all reads; those not told of by ``arrived`` count now."""
        count, self._charged = received - self._charged, max(received, self._charged)
        if count > 0:
            await self._throttle.spend(count)

    def pieces(self, buffer: memoryview) -> list[memoryview]:
        """What to read at once."""
        limit = self._throttle.limit
        if limit is None:
            return [buffer]
        step = max(SMALLEST_PIECE, int(limit * PIECE_SECONDS) // SMALLEST_PIECE * SMALLEST_PIECE)
        return [buffer[at : at + step] for at in range(0, len(buffer), step)]

    async def unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Await ``work``; once it is to stop nobody wants its outcome, and it may wait for what
        was given up."""
        doing, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        finally:
            stop.cancel()
            doing.cancel()


class HeldReader:
    """A RangedReader under reins."""

    def __init__(self, reader: RangedReader, reins: Reins, pace: Pace) -> None:
        self._reader, self._reins, self._pace = reader, reins, pace
        self.size, self.validator, self.ranged = reader.size, reader.validator, reader.ranged

    @property
    def received(self) -> int:
        """As the reader behind it."""
        return self._reader.received

    async def next_data(self, offset: int) -> int:
        """As the reader behind it."""
        return await self._reader.next_data(offset)

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """As the reader behind it. Raises Yielded as well."""
        for piece in self._reins.pieces(buffer):
            self._reins.check()
            await self._pace.timed(partial(self._reader.read_into, offset, piece))
            offset += len(piece)
            await self._reins.settle(self._reader.received)

    @property
    def stretch(self) -> int:
        """As the reader behind it; long stretches can't be slowed down."""
        stretch: int = 0 if self._reins.paced else getattr(self._reader, "stretch", 0)
        return stretch

    def ahead(self, extent: Range) -> None:
        """As the reader behind it."""
        if announce := getattr(self._reader, "ahead", None):
            announce(extent)

    async def close(self) -> None:
        """As the reader behind it."""
        await self._reader.close()


class HeldStream:
    """A StreamReader under reins."""

    def __init__(self, reader: StreamReader, reins: Reins) -> None:
        self._reader, self._reins = reader, reins
        self.validator, self.framed = reader.validator, reader.framed

    @property
    def received(self) -> int:
        """As the reader behind it."""
        return self._reader.received

    async def read_next(self, buffer: memoryview) -> int:
        """As the reader behind it. Raises Yielded as well."""
        count = 0
        for piece in self._reins.pieces(buffer):
            self._reins.check()
            came = await self._reader.read_next(piece)
            count += came
            await self._reins.settle(self._reader.received)
            if came < len(piece):
                break
        return count

    async def close(self) -> None:
        """As the reader behind it."""
        await self._reader.close()


class HeldHashing(Hashing):
    """Digests under reins: a range that was given up keeps nobody waiting for its turn."""

    def __init__(self, reins: Reins, *given: Any) -> None:
        super().__init__(*given)
        self._reins = reins

    async def put(self, offset: int, view: memoryview) -> None:
        """As without reins."""
        await self._reins.unless_stopped(super().put(offset, view))

    async def put_zeros(self, extent: Range) -> None:
        """As without reins."""
        await self._reins.unless_stopped(super().put_zeros(extent))


_HELD: ContextVar[Reins] = ContextVar("reins")


def hold(reins: Reins) -> None:
    """Everything this task does from now on, and the tasks it begins, goes under ``reins``."""
    _HELD.set(reins)


def held() -> Reins:
    """The reins this task goes under; loose ones where nobody holds any."""
    return _HELD.get(None) or Reins()


@asynccontextmanager
async def giving_up() -> AsyncIterator[None]:
    """For readers: what is read inside is given up once the hop is to stop. Raises Yielded."""
    reins = _HELD.get(None)
    if reins is None:
        yield
        return
    reins.check()
    try:
        async with asyncio.timeout(None) as limit, reins.ending(limit):
            yield
    except TimeoutError:
        reins.check()
        raise


async def arrived(count: int, moved: Callable[[], None]) -> None:
    """For readers: bytes came in the middle of a read; ``moved`` tells its stall limit. Raises
    Yielded."""
    moved()
    reins = _HELD.get(None)
    if reins is not None:
        await reins.arrived(count, moved)
