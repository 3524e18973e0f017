"""The relay: takes what was said from the outbox to the bus, in order for each subject."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Unavailable

from stowage_runtime import outbox
from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.database.leader import Leader
from stowage_runtime.database.wakes import OUTBOX
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.outbox.backlog import measure_always
from stowage_runtime.outbox.fresh import Order
from stowage_runtime.outbox.refusing import Refusals
from stowage_runtime.outbox.sending import Results, Sending


@dataclass(frozen=True)
class RelayLimits:
    """How much at once, and how patiently."""

    subjects: int = 200
    """Subjects under way at once, one message of each; also the most rows read at once."""
    poll_seconds: float = 1.0
    """How often the outbox is read for what was not heard of here, and rid of what was sent…"""
    gone_count: int = 500
    """…unless so many have gathered before."""
    send_seconds: float = 60.0
    """How long one that leads no more waits for the confirms of what it has sent."""
    drain_seconds: float = 1.5
    """How long a stopping relay goes on with what is already said…"""
    last_seconds: float = 1.0
    """…and then waits for the confirms of what it has sent."""
    refused_seconds: tuple[float, float] = (0.5, 30.0)
    """First and longest wait before a message without a queue is tried again."""
    expiry: timedelta = timedelta(days=1)
    """A message refused for so long (its agent is gone for good) becomes a dead letter."""


class Relay:
    """Sends what was said while this instance leads; a row is deleted after its confirm.

    What this process commits comes to it directly; the outbox is read for the rest, at the
    beginning, when something was refused or left out, and now and then. Where the bus has no queue
    for a message, only its subject's later messages to the same address wait. A crash between
    confirm and deletion sends again, which inboxes drop.
    """

    def __init__(
        self,
        transactions: Transactions,
        leader: Leader,
        *,
        mandatory: frozenset[str] = frozenset(),
        limits: RelayLimits | None = None,
    ) -> None:
        """``mandatory`` names the events that must have a reader; commands always must."""
        self._transactions, self._leader = transactions, leader
        self._database, self._limits = transactions.database, limits or RelayLimits()
        self._work = transactions.wakes.event(OUTBOX)
        self._sending = Sending(
            transactions,
            mandatory,
            may_go_on=lambda: leader.leading and not self._ending,
            done=self._work.set,
        )
        self._refusals = Refusals(
            transactions.source, self._database, self._limits.refused_seconds, self._limits.expiry
        )
        self._fresh, self._order = transactions.fresh, Order()
        self._read_at = 0.0
        self._backoff = Backoff(first=0.1, cap=2.0)
        self._stopped, self._ending = asyncio.Event(), False

    async def run(self) -> None:
        """Relay until ``stop``; then go on for a moment with what is already said."""
        measuring = asyncio.create_task(measure_always(self._transactions, self._stopped))
        try:
            while not self._stopped.is_set():
                if await self._leader.wait(self._stopped):
                    await self._relay()
            await self._drain()
        finally:
            measuring.cancel()
            self._ending = True
            await self._settle(self._limits.last_seconds)

    def stop(self) -> None:
        """End ``run``; whatever is left stays in the outbox for the next leader."""
        self._stopped.set()
        self._work.set()

    async def _relay(self) -> None:
        self._order.clear()
        self._fresh.clear(open=True)
        while self._leader.leading and not self._stopped.is_set():
            self._work.clear()
            try:
                started = await self._turn()
            except Unavailable:
                self._fresh.spilled = True
                await wait(self._stopped, self._backoff.next())
                continue
            if not started:
                await wait(self._work, self._rest())
        if not self._leader.leading:
            self._fresh.clear(open=False)
            await self._settle(self._limits.send_seconds)

    async def _drain(self) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                self._fresh.spilled = True
                while self._leader.leading and (await self._turn() or self._sending.under_way):
                    self._work.clear()
                    await wait(self._work, 0.1)

    async def _settle(self, seconds: float) -> None:
        """Let what is under way end, and record it; what is not recorded is sent once more."""
        self._fresh.clear(open=False)
        await self._sending.finish(seconds)
        with suppress(Unavailable):
            await self._read(room=0)

    async def _turn(self) -> bool:
        """Start what is next and record what came of the rest; whether anything was started.

        Raises Unavailable while the database or the broker is away.
        """
        if not self._transactions.bus.connected:
            raise Unavailable("the broker is away", resource="broker", code="broker")
        started = self._start_fresh()
        results = self._sending.results
        if self._must_read(results):
            rows = await self._read(self._room)
            started = self._start_read(rows) or started
        elif len(results.confirmed) >= self._limits.gone_count:
            await self._read(room=0)
        return started

    @property
    def _room(self) -> int:
        return max(0, self._limits.subjects - len(self._sending.under_way))

    def _start_fresh(self) -> bool:
        started = False
        while self._room and (messages := self._fresh.take(self._room)):
            for message in messages:
                follows = self._order.follows(message)
                if follows and self._sending.takes(message.subject):
                    self._order.note(message)
                    self._sending.start([message])
                    started = True
                elif follows is not None:
                    self._fresh.spilled = True
        return started

    def _start_read(self, rows: list[Record]) -> bool:
        source = self._transactions.source
        messages = [outbox.read(row, source) for row in rows]
        for message in messages:
            self._order.note(message)
        self._sending.start(messages)
        return bool(messages)

    def _must_read(self, results: Results) -> bool:
        if results.finished or results.refused or results.away:
            return True
        due = time.monotonic() >= self._read_at
        return (due or self._fresh.spilled) and self._room > 0

    def _rest(self) -> float:
        """Until the outbox is to be read, though nobody rings; what makes room does ring."""
        if not self._room:
            return self._limits.poll_seconds
        return max(0.001, self._read_at - time.monotonic())

    async def _read(self, room: int) -> list[Record]:
        """Record results; answer the next messages, at most ``room``."""
        results, self._sending.results = self._sending.results, Results()
        try:
            rows = await self._record(results, 0 if results.away else room)
        except Unavailable:
            self._sending.results = results + self._sending.results
            raise
        for subject in results.finished:
            self._order.forget(subject)
            self._sending.under_way.pop(subject, None)
        if results.away:
            raise results.away
        if results.confirmed:
            self._backoff.reset()
        return rows

    async def _record(self, results: Results, room: int) -> list[Record]:
        limits = self._limits
        while results.refused:
            message, reason = results.refused[-1]
            if await self._refusals.note(message, reason):
                results.confirmed.append(message.id)  # it leaves the outbox like those
            results.refused.pop()
        if not room:
            await self._database.fetch("runtime.gone", results.confirmed)
            self._fresh.spilled = self._fresh.spilled or bool(results.finished)
            return []
        under_way = list(self._sending.under_way.keys() - results.finished)
        self._fresh.spilled = False
        rows = await self._database.fetch("runtime.turn", results.confirmed, under_way, room)
        full = len(rows) == room
        self._read_at = time.monotonic() + (0 if full else limits.poll_seconds)
        return rows
