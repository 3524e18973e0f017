"""Databases as CloudStacks of two ages have them, on a real MariaDB."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
from pymysql.constants import CLIENT

SCHEMAS = Path(__file__).parent / "schemas"
LEGACY = ("shared", "legacy")
LEGACY_OBJECTS = (*LEGACY, "legacy_objects")
MODERN_EMPTY = ("shared", "modern")
MODERN = (*MODERN_EMPTY, "modern_rows")
READER, PASSWORD = "stowage_reader", "canary-of-the-reader"
DB_SECRET = "password-of-db"
SECRET = "s3-secret-canary"
"""What both ciphers of the rows hold."""


@dataclass(frozen=True)
class Cloud:
    """One database, and a user who may only read it."""

    server: str
    name: str

    @property
    def dsn(self) -> str:
        """Without the password."""
        at = urlsplit(self.server)
        return f"mysql://{READER}@{at.hostname}:{at.port}/{self.name}"

    def does(self, statements: str) -> list[tuple[Any, ...]]:
        """As root; the rows of the last one."""
        with connected(self.server, self.name) as connection, connection.cursor() as cursor:
            cursor.execute(statements)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                rows = list(cursor.fetchall())
            return rows

    def fill(self, *schemas: str) -> None:
        """Make tables and rows."""
        for schema in schemas:
            self.does((SCHEMAS / f"{schema}.sql").read_text())

    def checksums(self) -> list[tuple[Any, ...]]:
        """Of every table: what reading must not change."""
        rows = self.does("SHOW TABLES")
        return self.does("CHECKSUM TABLE " + ", ".join(f"`{row[0]}`" for row in rows))


@contextmanager
def connected(server: str, database: str | None = None) -> Iterator[Any]:
    at = urlsplit(server)
    connection = pymysql.connect(
        host=at.hostname or "",
        port=at.port or 0,
        user=at.username or "",
        database=database,
        autocommit=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def fresh_cloud(server: str) -> Iterator[Cloud]:
    """An empty database, dropped afterwards."""
    cloud = Cloud(server, f"cloud_{secrets.token_hex(4)}")
    with connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE DATABASE {cloud.name};"
            f"CREATE USER IF NOT EXISTS {READER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT SELECT ON {cloud.name}.* TO {READER}@'127.0.0.1'"
        )
    try:
        yield cloud
    finally:
        with connected(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {cloud.name}")
