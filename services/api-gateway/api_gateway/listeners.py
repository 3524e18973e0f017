"""What happened, and the bounded queues of those who listen."""

import asyncio
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from asyncpg import Record

QUEUE_LENGTH = 1000
_POSITION = re.compile(r"(\d{1,18})-(\d{1,18})")


class Position(NamedTuple):
    """Where an event stands: by its transaction, then by its number."""

    tx: int
    id: int

    @classmethod
    def of(cls, row: Record | None) -> "Position":
        """Of a feed row; the very beginning without one."""
        return cls(row["tx"], row["id"]) if row is not None else START

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """Back from text; None when it is not a position."""
        match = _POSITION.fullmatch(text)
        return cls(int(match[1]), int(match[2])) if match else None

    def __str__(self) -> str:
        return f"{self.tx}-{self.id}"


START = Position(0, 0)
"""Before everything."""


@dataclass(frozen=True)
class Happened:
    """One event, or live progress (which has no position: it is not kept)."""

    position: Position | None
    type: str
    at: datetime
    noun: str
    id: str
    account: str
    body: dict[str, Any]
    event: str = ""
    """Its own id, by which it is told everywhere; its source and this are unique."""
    source: str = ""
    sequence: int = 0
    """Counts the events of its source and subject."""

    @classmethod
    def of_row(cls, row: Record) -> "Happened":
        """A row of the feed."""
        return cls(
            Position.of(row),
            row["type"],
            row["at"],
            row["noun"],
            row["subject_id"],
            row["account_id"],
            row["body"],
            row["message_id"],
            row["source"],
            row["sequence"],
        )

    @classmethod
    def of_progress(cls, row: Record) -> "Happened":
        """A copy's row with its newest progress report."""
        return cls(
            None,
            "CopyProgressed",
            row["progressed"],
            "copy",
            row["id"],
            row["account_id"],
            row["progress"],
        )


@dataclass(eq=False)
class Listener:
    """A queue that never grows: who is too slow is told to read the kept events instead."""

    ended: bool = False
    behind: bool = False
    """Set when the queue overflowed and was emptied."""
    _items: deque[Happened] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, items: Iterable[Happened]) -> None:
        """Offer what happened."""
        self._items.extend(items)
        if len(self._items) > QUEUE_LENGTH:
            self._items.clear()
            self.behind = True
        if self._items or self.behind:
            self._wake.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._wake.set()

    async def next(self, seconds: float) -> list[Happened]:
        """What happened since the last time, as soon as there is something."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return []
        if not self.ended:
            self._wake.clear()
        items = list(self._items)
        self._items.clear()
        return items

    async def about(self, noun: str, key: str, seconds: float) -> None:
        """Return once something may have happened to a resource, or after ``seconds``."""
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0 and not self.ended:
            items = await self.next(left)
            if self.behind or any((item.noun, item.id) == (noun, key) for item in items):
                self.behind = False
                return
