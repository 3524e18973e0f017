"""The leader: of all instances of a service, the one that relays and keeps the timers."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import structlog
from stowage_contracts.errors import Unavailable

from stowage_runtime.backoff import Backoff, wait
from stowage_runtime.database import Database
from stowage_runtime.database.migrating import Connection
from stowage_runtime.database.translating import translated

TRY_SECONDS = 1.0
PING_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Leader:
    """Leads while a connection of its own holds the service's advisory lock.

    When the holder dies its connection ends, and the server gives the lock to the next. For a
    moment two may think they lead; nothing they do then is worse than a duplicate.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._leading, self._stopped, self._lost = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def leading(self) -> bool:
        """Whether this instance leads, as far as it knows."""
        return self._leading.is_set()

    async def wait(self, stopped: asyncio.Event, seconds: float = 1.0) -> bool:
        """Wait a while for leadership; whether this instance leads and is not ``stopped``."""
        if not self.leading:
            await wait(self._leading, seconds)
        return self.leading and not stopped.is_set()

    async def run(self) -> None:
        """Stand for election until ``stop``; the lock is given up at once then."""
        backoff = Backoff(first=0.2, cap=5.0)
        while not self._stopped.is_set():
            try:
                await self._stand(backoff)
            except Unavailable:
                await wait(self._stopped, backoff.next())

    def stop(self) -> None:
        """End ``run``."""
        self._stopped.set()
        self._lost.set()

    async def _stand(self, backoff: Backoff) -> None:
        connection = await self._database.dedicated("leader")
        self._lost.clear()
        try:
            connection.add_termination_listener(self._ended)
            with translated():
                while not self._stopped.is_set() and not await self._elected(connection):
                    backoff.reset()
                    await wait(self._stopped, TRY_SECONDS)
                await self._lead(connection)
        finally:
            self._leading.clear()
            with suppress(TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
                await connection.close(timeout=1)

    async def _lead(self, connection: Connection) -> None:
        if self._stopped.is_set():
            return
        self._leading.set()
        _log.info("leading", service=self._database.schema)
        while not await wait(self._lost, PING_SECONDS):
            await connection.execute("SELECT 1", timeout=PING_SECONDS)

    async def _elected(self, connection: Connection) -> bool:
        key = f"stowage/leader/{self._database.schema}"
        return bool(
            await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key)
        )

    def _ended(self, _connection: Any) -> None:
        self._leading.clear()
        self._lost.set()
