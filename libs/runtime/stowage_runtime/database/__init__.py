"""A service's database: its pool, schema, named queries and migrations."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from stowage_contracts.errors import Conflict, InvalidInput

from stowage_runtime.database import migrating, queries
from stowage_runtime.database.translating import translated

RUNTIME = "stowage_runtime"
Pooled: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True)
class Limits:
    """How much of the server one instance takes, and for how long it waits."""

    connections: int = 10
    acquire_seconds: float = 10.0
    connect_seconds: float = 5.0
    statement_seconds: float = 30.0
    idle_seconds: float = 60.0
    """A transaction that does nothing for so long is ended by the server."""


class Database:
    """One service's schema in one database; connections are made when first needed."""

    def __init__(self, url: str, schema: str, package: str, limits: Limits) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
            raise InvalidInput("a schema is named like a Python package", resource=schema)
        if not url.startswith(("postgresql://", "postgres://")):
            raise InvalidInput(
                "not a PostgreSQL URL",
                resource="database",
                code="url",
                hint="postgresql://user:password@host/database",
            )
        self.schema, self.limits = schema, limits
        self.queries: Mapping[str, str] = queries.load(RUNTIME, package)
        self._url, self._migrations = url, migrating.load(RUNTIME, package)
        self._pool: asyncpg.Pool[asyncpg.Record]

    @classmethod
    async def open(
        cls, url: str, schema: str, package: str, limits: Limits | None = None
    ) -> "Database":
        """Read queries and migrations and make the pool; does not ask the server anything yet.

        Raises InvalidInput for a URL or schema that cannot be one.
        """
        database = cls(url, schema, package, limits or Limits())
        database._pool = await database._make_pool()
        return database

    async def close(self) -> None:
        """Close every pooled connection, forcibly after a few seconds; idempotent."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def migrate(self) -> list[str]:
        """Apply missing migrations; answers their names. Raises Conflict, Unavailable."""
        connection = await self.dedicated("migrate", statement_seconds=0)
        try:
            with translated():
                return await migrating.migrate(connection, self.schema, self._migrations)
        finally:
            connection.terminate()

    async def pending(self) -> list[str]:
        """Names of migrations not applied yet; raises Conflict (edited), Unavailable."""
        async with self.connection() as connection:
            with translated():
                done = await migrating.applied(connection)
        return [migration.name for migration in migrating.unapplied(self._migrations, done)]

    async def check(self) -> None:
        """Raises Unavailable when the server is away, Conflict when migrations are missing."""
        missing = await self.pending()
        if missing:
            raise Conflict(
                f"the schema lacks {len(missing)} migrations",
                resource=self.schema,
                code="not_migrated",
                hint="run the service's `migrate` command first",
            )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Pooled]:
        """Lend a connection; raises Unavailable when there is none. Wrap what is done with it
        in ``translated()``: an error of the borrower's own passes unchanged."""
        with translated():
            connection = await self._pool.acquire(timeout=self.limits.acquire_seconds)
        try:
            yield connection
        finally:
            with translated():
                await self._pool.release(connection)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Pooled]:
        """Lend a connection with a transaction that commits on leaving."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            with translated():
                await transaction.start()
            try:
                yield connection
            except BaseException:
                with suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
                    await transaction.rollback()  # or the broken connection did
                raise
            with translated():
                await transaction.commit()

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows of one named query, in a transaction of its own."""
        async with self.connection() as connection:
            with translated():
                return await connection.fetch(queries.named(self.queries, query), *args)

    async def dedicated(
        self, purpose: str, statement_seconds: float | None = None
    ) -> migrating.Connection:
        """A connection outside the pool, for locks and listening; the caller closes it."""
        seconds = self.limits.statement_seconds if statement_seconds is None else statement_seconds
        settings = self._settings(purpose) | {"statement_timeout": _milliseconds(seconds)}
        # a lock must not outlive a machine that vanished without a word
        settings |= {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5"}
        settings |= {"tcp_keepalives_count": "3"}
        with translated():
            return await asyncpg.connect(
                self._url, server_settings=settings, timeout=self.limits.connect_seconds
            )

    async def _make_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.limits.connections,
            timeout=self.limits.connect_seconds,
            init=_speak_json,
            reset=_keep,
            command_timeout=self.limits.statement_seconds + 5,
            server_settings=self._settings("pool"),
        )

    def _settings(self, purpose: str) -> dict[str, str]:
        return {
            "application_name": f"{self.schema}/{purpose}",
            "search_path": f'"{self.schema}"',
            "statement_timeout": _milliseconds(self.limits.statement_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(self.limits.idle_seconds),
        }


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _speak_json(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )


async def _keep(connection: Any) -> None:
    """Sessions are never changed here, so the usual RESET ALL would be a round trip for nothing."""
