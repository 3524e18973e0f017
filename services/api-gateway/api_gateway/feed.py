"""Live events: one look at the database for all who listen, fanned out to bounded queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from asyncpg import Record
from stowage_contracts.errors import Unavailable
from stowage_runtime.service import Desk

from api_gateway import kept
from api_gateway.listeners import START, Happened, Listener, Position

BATCH = 500
SOON, LATER, AWAY = 0.02, 0.25, 1.0
"""Seconds between looks: when something just happened, when nothing does, without database."""
_OVERLAP = timedelta(seconds=1)
"""Progress is looked for again this far back: its rows may commit out of order."""
_log = structlog.get_logger(__name__)


class _News(NamedTuple):
    rows: list[Record]
    progress: list[Record]


@dataclass
class Feed:
    """Looks for news while somebody listens, soon after ``ring`` and otherwise now and then.

    Nothing is pushed by the database: NOTIFY would let it commit one projection at a time.
    """

    _listeners: set[Listener] = field(default_factory=set)
    _task: asyncio.Task[None] | None = None
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _at: Position = START
    _shown: dict[str, datetime] = field(default_factory=dict)
    """When each copy's progress was last shown, as far as it may come up again."""
    _since: datetime | None = None

    def ring(self) -> None:
        """Something happens here just now."""
        self._rung.set()

    async def close(self) -> None:
        """Stop looking; whoever listens is told that it ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for listener in self._listeners:
            listener.end()

    @asynccontextmanager
    async def listen(self, desk: Desk) -> AsyncIterator[Listener]:
        """Everything from now on."""
        listener = Listener()
        async with self._starting:
            self._listeners.add(listener)
            if self._task is None or self._task.done():
                await self._start(desk)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _start(self, desk: Desk) -> None:
        async with desk.transaction() as tx:
            self._at, self._since = await kept.end(tx), tx.now
        self._shown = {}
        self._task = asyncio.create_task(self._look(desk), name="feed")

    async def _look(self, desk: Desk) -> None:
        pause = SOON
        while self._listeners:
            self._rung.clear()
            try:
                found = self._tell(await self._news(desk))
                pause = SOON if found else min(pause * 1.5, LATER)
            except Unavailable:
                pause = AWAY
            except Exception:
                _log.exception("feed.failed")
                pause = AWAY
            pause = await self._rest(pause)

    async def _rest(self, pause: float) -> float:
        try:
            async with asyncio.timeout(pause):
                await self._rung.wait()
        except TimeoutError:
            return pause
        await asyncio.sleep(SOON)
        return SOON

    async def _news(self, desk: Desk) -> _News:
        async with desk.transaction() as tx:
            rows = await kept.after(self._at, BATCH, kept.About(), tx)
            return _News(rows, await tx.rows("progress_since", self._since))

    def _tell(self, news: _News) -> bool:
        happened = [Happened.of_row(row) for row in news.rows]
        if happened:
            self._at = happened[-1].position or self._at
        for row in news.progress:
            if self._shown.get(row["id"]) != row["progressed"]:
                happened.append(Happened.of_progress(row))
        self._remember(news.progress)
        for listener in self._listeners:
            listener.put(happened)
        return bool(happened)

    def _remember(self, progress: list[Record]) -> None:
        if progress:
            self._since = max(row["progressed"] for row in progress) - _OVERLAP
            self._shown = {row["id"]: row["progressed"] for row in progress}
