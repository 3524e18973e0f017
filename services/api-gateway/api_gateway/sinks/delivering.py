"""Delivering: one sink's events, in order, until its lease is lost."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil

import structlog
from stowage_contracts.errors import StowageError, Unavailable
from stowage_runtime.backoff import delay, wait

from api_gateway.listeners import Position
from api_gateway.sinks.journal import Journal, Lost, Page, told_gap
from api_gateway.sinks.metrics import DELIVERED, FAILED, LAG
from api_gateway.sinks.outgoing import Outgoing, waves
from api_gateway.sinks.sending import Sender

MOST = 100
"""Events read at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""After an attempt that failed; it grows with each that follows."""
LOOK_SECONDS = 5.0
"""How often the feed is looked at though nobody rings, and progress without events kept."""
GATHER_SECONDS = 0.05
"""How long the first of several events waits for the others."""
_log = structlog.get_logger(__name__)


@dataclass
class Pace:
    """At most ``rate`` events in a second."""

    rate: float
    _free: float = 0.0

    def rest(self, events: int) -> float:
        """Seconds to wait after so many until the next may go."""
        now = time.monotonic()
        self._free = max(self._free, now) + events / self.rate
        return max(0.0, self._free - now)

    @property
    def most(self) -> int:
        """Events to take up at once: what half a second allows."""
        return max(1, min(MOST, ceil(self.rate / 2)))


@dataclass
class Delivery:
    """Brings one sink its events; ends with Lost."""

    journal: Journal
    sender: Sender
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something happened."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _at: Position | None = None
    _kept: float = 0.0
    """When the position was last written."""

    async def run(self) -> None:
        """Deliver until ``stop``, which lets what is under way end; raises Lost."""
        options = self.journal.sink.options
        pace = Pace(options.rate)
        most = min(pace.most, options.batch) if self.sender.together else pace.most
        try:
            while not self.stopped.is_set():
                self.wake.clear()
                await self._turn(pace, most)
        finally:
            await self.sender.close()

    def stop(self) -> None:
        """Begin nothing new."""
        self.stopped.set()
        self.wake.set()

    async def _turn(self, pace: Pace, most: int) -> None:
        try:
            page = await self.journal.page(self._at, most)
            if page.gap is not None:
                await self._tell([told_gap(self.journal.sink, page.gap)], page)
                await self.journal.gap_told(page.gap)
            LAG.set(_age(page), self._labels)
            taken = await self._deliver(page)
        except Unavailable as error:
            _log.info("sink.waits", sink=self.journal.sink.id, code=error.code)
            await wait(self.stopped, FIRST_PAUSE)
            return
        except _Failed as failed:
            await self._failed(failed)
            return
        if self.stopped.is_set():
            return
        await wait(self.stopped, pace.rest(taken))
        if not page.more:
            await wait(self.wake, LOOK_SECONDS)
            await wait(self.stopped, GATHER_SECONDS)

    async def _deliver(self, page: Page) -> int:
        if page.events:
            await self._tell(page.events, page)
        late = time.monotonic() - self._kept > LOOK_SECONDS
        if page.events or (late and page.until != self._at):
            await self.journal.advance(page.until, len(page.events))
            self._kept = time.monotonic()
        self._at = page.until
        return len(page.events)

    async def _tell(self, events: Sequence[Outgoing], page: Page) -> None:
        """Raises _Failed when not all were taken."""
        taken: set[int] = set()
        parts = [list(events)] if self.sender.together else waves(events)
        for wave in parts:
            errors = await self.sender.send(wave)
            taken |= {id(event) for event, error in zip(wave, errors, strict=True) if not error}
            first = next((error for error in errors if error), None)
            if first is not None:
                raise _Failed(first, _before_first(events, taken), page.failures + 1)
        DELIVERED.add(len(events), self._labels)

    async def _failed(self, failed: "_Failed") -> None:
        """Keep what was taken, say what went wrong, and wait."""
        FAILED.add(1, self._labels | {"code": failed.error.code})
        reached = [event for event in failed.taken if event.position is not None]
        if reached:
            self._at = reached[-1].position
            assert self._at is not None
            await self.journal.advance(self._at, len(reached))
        await self.journal.fail(failed.error)
        pause = delay(1 if reached else failed.failures, FIRST_PAUSE, LONGEST_PAUSE)
        await wait(self.stopped, max(pause, float(failed.error.details.get("after", 0))))

    @property
    def _labels(self) -> dict[str, str]:
        return {"kind": self.journal.sink.kind.value, "sink": self.journal.sink.id}


class _Failed(Exception):
    def __init__(self, error: StowageError, taken: Sequence[Outgoing], failures: int) -> None:
        super().__init__(error.cause)
        self.error, self.taken, self.failures = error, taken, failures


def _age(page: Page) -> float:
    """Seconds since the first of the events was said."""
    first = page.events[0].time if page.events else None
    return max(0.0, (datetime.now(UTC) - first).total_seconds()) if first else 0.0


def _before_first(events: Sequence[Outgoing], taken: set[int]) -> list[Outgoing]:
    """Those in front of the first that was not taken; what was taken behind it is told again."""
    found = []
    for event in events:
        if id(event) not in taken:
            break
        found.append(event)
    return found


__all__ = ["Delivery", "Lost", "Pace"]
