"""Databases for tests: a new one, or one that is emptied."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
from stowage_runtime.database import Database, Limits


@asynccontextmanager
async def fresh_database(server_url: str) -> AsyncIterator[str]:
    """The URL of a new empty database, which is dropped afterwards, whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(server_url, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url, timeout=20)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close()


SCHEMAS = ("api_gateway", "image_store", "data_motion", "cache_autoscaler")
_RESET = """
CREATE SCHEMA kept;
CREATE VIEW kept.tables AS SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname = ANY ('{schemas}') AND tablename <> 'migrations';
DO $$ DECLARE t record; any_row boolean; BEGIN
    FOR t IN SELECT * FROM kept.tables LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', t.name) INTO any_row;
        IF any_row THEN
            EXECUTE format('CREATE TABLE kept.%I AS TABLE %s', t.name, t.name);
        END IF;
    END LOOP;
END $$;
CREATE PROCEDURE kept.reset() LANGUAGE plpgsql AS $$ DECLARE t record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR t IN SELECT * FROM kept.tables LOOP
        EXECUTE format('DELETE FROM %s', t.name);
    END LOOP;
    FOR t IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'kept' LOOP
        EXECUTE format('INSERT INTO %s SELECT * FROM kept.%I', t.name, t.name);
    END LOOP;
    FOR t IN SELECT * FROM pg_sequences WHERE schemaname = ANY ('{schemas}') LOOP
        EXECUTE format('ALTER SEQUENCE %I.%I RESTART', t.schemaname, t.sequencename);
    END LOOP;
END $$
"""
"""Remembers what migrations left in the tables, and makes what brings it back."""
_ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class KeptDatabase:
    """One database with every service's tables, emptied for each test: no migration is waited for.

    It is made when it is first wanted.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._name = ""

    async def fresh(self) -> str:
        """Its URL; whatever the last test left there is gone, and so are its connections."""
        if not self._name:
            await self._make()
        url = self._url(self._name)
        await _execute(url, _ALONE)
        await _execute(url, "CALL kept.reset()")
        return url

    async def drop(self) -> None:
        """Take it away, if it was ever made."""
        if self._name:
            await _execute(self._server_url, f"DROP DATABASE {self._name} WITH (FORCE)")

    async def _make(self) -> None:
        name = f"test_{secrets.token_hex(6)}"
        await _execute(self._server_url, f"CREATE DATABASE {name}")
        self._name = name
        for schema in SCHEMAS:
            database = await Database.open(self._url(name), schema, schema, Limits(connections=1))
            try:
                await database.migrate()
            finally:
                await database.close()
        await _execute(self._url(name), _RESET.replace("{schemas}", f"{{{','.join(SCHEMAS)}}}"))

    def _url(self, name: str) -> str:
        return urlsplit(self._server_url)._replace(path=f"/{name}").geturl()
