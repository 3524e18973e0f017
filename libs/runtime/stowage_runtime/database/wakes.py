"""Wakes: tells loops, here and in the service's other instances, that there is work."""

import asyncio
from typing import Any

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import new_id

from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.database import Database
from stowage_runtime.database.migrating import Connection
from stowage_runtime.database.translating import translated

OUTBOX, INTENTS = "outbox", "intents"
GATHER_SECONDS = 0.005
PING_SECONDS = 15.0


class Wakes:
    """Rings local loops at once and other instances by NOTIFY, many rings in one.

    NOTIFY is sent after the commit on a connection of its own: inside the transaction it would
    take a lock that lets the whole server commit only one such transaction at a time. A lost
    ring costs one poll interval of the loop that missed it.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._me = database, new_id()
        self._events = {topic: asyncio.Event() for topic in (OUTBOX, INTENTS)}
        self._unsent: set[str] = set()
        self._changed, self._stopped = asyncio.Event(), asyncio.Event()

    def ring(self, topic: str, *, others: bool = True) -> None:
        """There is work of this kind, committed already; ``others`` is false when only this
        instance can have to do with it."""
        self._events[topic].set()
        if others:
            self._unsent.add(topic)
            self._changed.set()

    def event(self, topic: str) -> asyncio.Event:
        """Set by every ring of ``topic``; the one loop that waits for it clears it."""
        return self._events[topic]

    async def run(self) -> None:
        """Carry rings between instances until ``stop``; comes back when the database does."""
        backoff = Backoff(first=0.2, cap=5.0)
        while not self._stopped.is_set():
            try:
                await self._carry(backoff)
            except Unavailable:
                await wait(self._stopped, backoff.next())

    def stop(self) -> None:
        """End ``run``."""
        self._stopped.set()
        self._changed.set()

    async def _carry(self, backoff: Backoff) -> None:
        connection = await self._database.dedicated("wakes")
        try:
            with translated():
                connection.add_termination_listener(lambda _: self._changed.set())
                await connection.add_listener(self._database.schema, self._heard)
                backoff.reset()
                for event in self._events.values():
                    event.set()  # rings may have been missed until now
                while not self._stopped.is_set():
                    await self._send(connection)
        finally:
            connection.terminate()

    async def _send(self, connection: Connection) -> None:
        await wait(self._changed, PING_SECONDS)
        self._changed.clear()
        topics, self._unsent = self._unsent, set()
        # also when there is nothing to tell: a dead connection shows here
        await connection.execute(
            "SELECT pg_notify($1, payload) FROM unnest($2::text[]) payload",
            self._database.schema,
            [f"{self._me} {topic}" for topic in topics],
        )
        await asyncio.sleep(GATHER_SECONDS)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        sender, _, topic = str(payload).partition(" ")
        if sender != self._me and topic in self._events:
            self._events[topic].set()
