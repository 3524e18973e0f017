"""Migrations: numbered SQL files in the package, each applied once and never edited after."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from stowage_contracts.errors import Conflict, Unavailable

WAIT_SECONDS = 120
"""How long one migrating process waits for another."""

_PREPARE = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
)"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Session: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True)
class Migration:
    """One file; ``name`` is ``<package>/<file without .sql>``."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Of the text, whatever the line ends."""
        return hashlib.sha256("\n".join(self.sql.splitlines()).encode()).hexdigest()


def load(*packages: str) -> tuple[Migration, ...]:
    """The packages' migrations in the order they apply: package by package, then by number."""
    return tuple(migration for package in packages for migration in _of(package))


async def migrate(
    connection: Connection, schema: str, migrations: Sequence[Migration]
) -> list[str]:
    """Apply what is missing and answer its names; any number of processes may do so at once.

    Raises Conflict (``conflict.migration_edited``) when an applied file has changed since, and
    Unavailable when another process migrates for too long.
    """
    async with _alone(connection, schema):
        await _make_schema(connection, schema)
        await connection.execute(_PREPARE)
        missing = unapplied(migrations, await applied(connection))
        for migration in missing:
            await _apply(connection, migration)
        return [migration.name for migration in missing]


async def applied(connection: Session) -> dict[str, str]:
    """Checksums of the applied migrations by name; empty in a database never migrated."""
    if await connection.fetchval("SELECT to_regclass('migrations')") is None:
        return {}
    return {
        row["name"]: row["checksum"]
        for row in await connection.fetch("SELECT name, checksum FROM migrations")
    }


def unapplied(migrations: Sequence[Migration], done: dict[str, str]) -> list[Migration]:
    """What is still to be applied; raises Conflict for an edited file."""
    for migration in migrations:
        if done.get(migration.name, migration.checksum) != migration.checksum:
            raise Conflict(
                "a migration that was applied has been edited",
                resource=migration.name,
                code="migration_edited",
                hint="restore the file and add a new migration instead",
            )
    return [migration for migration in migrations if migration.name not in done]


def _of(package: str) -> Iterator[Migration]:
    folder = files(package) / "migrations"
    if not folder.is_dir():
        return
    sources = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    for source in sorted(sources, key=lambda item: item.name):
        name = f"{package}/{source.name.removesuffix('.sql')}"
        yield Migration(name, source.read_text("utf-8"))


async def _make_schema(connection: Connection, schema: str) -> None:
    # asked first: IF NOT EXISTS wants the right to create even where there is nothing to do
    if await connection.fetchval("SELECT to_regnamespace($1)", f'"{schema}"') is None:
        await connection.execute(f'CREATE SCHEMA "{schema}"')


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES ($1, $2)",
            migration.name,
            migration.checksum,
        )


@asynccontextmanager
async def _alone(connection: Connection, schema: str) -> AsyncIterator[None]:
    key = f"stowage/migrate/{schema}"
    try:
        await connection.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'")
        await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", key)
    except asyncpg.LockNotAvailableError:
        raise Unavailable(
            "another process has been migrating for too long", resource=schema, code="database"
        ) from None
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
