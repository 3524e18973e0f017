"""The journal of a sink: what it has taken, kept by whoever holds its lease."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stowage_contracts.errors import StowageError
from stowage_contracts.sinks import SinkGap, SinkGapView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway import kept
from api_gateway.listeners import START, Position
from api_gateway.sinks.outgoing import Outgoing
from api_gateway.sinks.rows import Sink, wants


class Lost(Exception):
    """The sink was changed, paused or removed, or another gateway delivers for it."""


@dataclass(frozen=True)
class Page:
    """What comes next for a sink."""

    events: Sequence[Outgoing]
    until: Position
    """Everything up to here was looked at, once the events are taken."""
    failures: int
    """Attempts that failed since the last one that did not."""
    gap: SinkGapView | None = None
    """To be told before the events."""
    more: bool = False
    """Whether there is more already."""


@dataclass(frozen=True)
class Journal:
    """Reads and writes a sink's row, as one of its lease's holders."""

    sink: Sink
    me: str
    desk: Desk
    turns: asyncio.Semaphore
    """Few sinks look at the database at once: it is there for people too."""

    async def page(self, at: Position | None, most: int) -> Page:
        """The next events after ``at``, or after where its row stands; raises Lost."""
        async with self.turns, self.desk.transaction() as tx:
            now = await tx.row("sink_now", *self._key)
            if now is None:
                raise Lost
            limit = await kept.horizon(tx)
            row = Position(now["at_tx"], now["at_id"])
            start = max(at or row, row)
            if start.tx > limit:  # of another server's count
                start = START
            wanted = await wants(self.sink.account_id, self.sink.filters, tx)
            rows = await tx.rows("sink_events", *start, limit, most, *wanted)
            until = Position.of(rows[-1]) if len(rows) == most else await self._end(limit, tx)
            gap = Position(now["trimmed_tx"], now["trimmed_id"]) if now["gap"] else None
            return Page(
                events=[Outgoing.of(each) for each in rows],
                until=max(start, until),
                failures=now["failures"],
                gap=_gap(row, gap, tx.now) if gap is not None else None,
                more=len(rows) == most,
            )

    async def advance(self, at: Position, taken: int) -> None:
        """It took so many events on the way to ``at``; raises Lost."""
        await self._run("sink_advanced", *at, taken)

    async def fail(self, error: StowageError) -> None:
        """An attempt failed; raises Lost."""
        await self._run("sink_failed", error.problem.model_dump(mode="json"))

    async def gap_told(self, gap: SinkGapView) -> None:
        """It knows of a gap; raises Lost."""
        until = Position.parse(gap.until) or START
        await self._run("sink_gap_told", gap.model_dump(mode="json"), *until)

    @property
    def _key(self) -> tuple[str, str, int]:
        return self.sink.id, self.me, self.sink.generation

    async def _run(self, query: str, *values: object) -> None:
        async with self.turns, self.desk.transaction() as tx:
            if not await tx.run(query, *self._key, *values):
                raise Lost

    async def _end(self, limit: int, tx: Tx) -> Position:
        return Position.of(await tx.row("feed_end", limit))


def _gap(after: Position, until: Position, now: datetime) -> SinkGapView:
    return SinkGapView(after=str(after), until=str(until), at=now)


def told_gap(sink: Sink, gap: SinkGapView) -> Outgoing:
    """The event that tells a sink of its gap; the same whenever it is told."""
    said = SinkGap(sink_id=sink.id, after=gap.after, until=gap.until)
    return Outgoing.about(said, f"SinkGap.{sink.id}.{gap.until}", gap.at)
