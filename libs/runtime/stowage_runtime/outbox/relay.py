"""The relay: takes what was said from the outbox to the bus, in order for each subject."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from asyncpg import Record
from stowage_contracts.errors import Unavailable

from stowage_runtime import outbox
from stowage_runtime.backoff import Backoff, delay, wait
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.bus.dead_letters import DeadLetter, Reason
from stowage_runtime.database.leader import Leader
from stowage_runtime.database.wakes import OUTBOX
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.outbox.backlog import measure_always
from stowage_runtime.outbox.sending import Results, Sending
from stowage_runtime.telemetry.metrics import DEAD_LETTERS

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RelayLimits:
    """How much at once, and how patiently."""

    subjects: int = 200
    """Subjects under way at once, one message of each; also the most rows read at once."""
    poll_seconds: float = 1.0
    send_seconds: float = 60.0
    drain_seconds: float = 1.5
    """How long a stopping relay goes on with what is already said…"""
    last_seconds: float = 1.0
    """…and then waits for the confirms of what it has sent."""
    refused_seconds: tuple[float, float] = (0.5, 30.0)
    """First and longest wait before a message without a queue is tried again."""
    expiry: timedelta = timedelta(days=1)
    """A message refused for so long (its agent is gone for good) becomes a dead letter."""


class Relay:
    """Sends the outbox while this instance leads; a row is deleted after its confirm.

    Where the bus has no queue for a message, only its subject's later messages to the same
    address wait. A crash between confirm and deletion sends again, which inboxes drop.
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
            self._limits.send_seconds,
            may_go_on=lambda: leader.leading and not self._ending,
            done=self._work.set,
        )
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
        while self._leader.leading and not self._stopped.is_set():
            self._work.clear()
            try:
                started = await self._turn()
            except Unavailable:
                await wait(self._stopped, self._backoff.next())
                continue
            if not started:
                await wait(self._work, self._limits.poll_seconds)
        if not self._leader.leading:
            await self._settle(self._limits.send_seconds)

    async def _drain(self) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(self._limits.drain_seconds):
                while self._leader.leading and (await self._turn() or self._sending.under_way):
                    self._work.clear()
                    await wait(self._work, 0.1)

    async def _settle(self, seconds: float) -> None:
        """Let what is under way end, and record it; what is not recorded is sent once more."""
        await self._sending.finish(seconds)
        with suppress(Unavailable):
            await self._exchange(room=0)

    async def _turn(self) -> bool:
        """Record results and start what is next; whether anything was.

        Raises Unavailable while the database or the broker is away.
        """
        if not self._transactions.bus.connected:
            raise Unavailable("the broker is away", resource="broker", code="broker")
        rows = await self._exchange(self._limits.subjects - len(self._sending.under_way))
        self._sending.start(rows)
        return bool(rows)

    async def _exchange(self, room: int) -> list[Record]:
        results, self._sending.results = self._sending.results, Results()
        try:
            rows = await self._record(results, 0 if results.away else room)
        except Unavailable:
            self._sending.results = results + self._sending.results
            raise
        for subject in results.finished:
            del self._sending.under_way[subject]
        if results.away:
            raise results.away
        if results.confirmed:
            self._backoff.reset()
        return rows

    async def _record(self, results: Results, room: int) -> list[Record]:
        while results.refused:
            await self._refuse(*results.refused[-1], results)
            results.refused.pop()
        under_way = list(self._sending.under_way.keys() - results.finished)
        return await self._database.fetch("runtime.turn", results.confirmed, under_way, room)

    async def _refuse(self, row: Record, reason: Reason, results: Results) -> None:
        if row["now"] - row["said"] > self._limits.expiry:
            await TableSink(self._database).bury(self._dead(row, reason))
            results.confirmed.append(row["id"])  # it leaves the outbox like those
            return
        seconds = delay(row["attempts"] + 1, *self._limits.refused_seconds)
        await self._database.fetch("runtime.refused", row["id"], reason.code, seconds)

    def _dead(self, row: Record, reason: Reason) -> DeadLetter:
        source = self._transactions.source
        _log.error(
            "message expired in the outbox",
            service=source,
            message=row["message_id"],
            type=row["type"],
            to=row["to_address"],
            code=reason.code,
        )
        DEAD_LETTERS.add(1, {"queue": "outbox", "type": row["type"], "code": reason.code})
        return DeadLetter(
            id=row["message_id"],
            queue="outbox",
            type=row["type"],
            subject=row["subject"],
            source=source,
            attempts=row["attempts"] + 1,
            reason=reason,
            body=outbox.envelope(row, source).model_dump_json(),
        )
