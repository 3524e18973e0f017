"""A real MariaDB with CloudStack's tables of two ages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from stowage_client.importing.database import Database
from stowage_client.importing.dsn import Dsn
from stowage_client.importing.keys import DatabaseKey
from stowage_client.importing.source import Rules, Source
from stowage_client.importing.stores import Wishes

from tests.integration.importing.clouds import (
    DB_SECRET,
    LEGACY,
    LEGACY_OBJECTS,
    MODERN,
    PASSWORD,
    Cloud,
    fresh_cloud,
)

Read = Callable[..., Source]


@pytest.fixture(scope="session")
def mariadb_url(servers: Any) -> str:
    url: str = servers.exports("mariadb")["STOWAGE_TEST_MARIADB_URL"]
    return url


@pytest.fixture
def empty(mariadb_url: str) -> Iterator[Cloud]:
    with fresh_cloud(mariadb_url) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def clouds(mariadb_url: str) -> Iterator[Callable[..., Cloud]]:
    """One database for each set of schemas, made when first wanted; tests only read it."""
    made: dict[tuple[str, ...], Cloud] = {}
    with ExitStack() as stack:

        def cloud(*schemas: str) -> Cloud:
            if schemas not in made:
                made[schemas] = stack.enter_context(fresh_cloud(mariadb_url))
                made[schemas].fill(*schemas)
            return made[schemas]

        yield cloud


@pytest.fixture
def legacy(clouds: Callable[..., Cloud]) -> Cloud:
    return clouds(*LEGACY)


@pytest.fixture
def legacy_objects(clouds: Callable[..., Cloud]) -> Cloud:
    return clouds(*LEGACY_OBJECTS)


@pytest.fixture
def modern(clouds: Callable[..., Cloud]) -> Cloud:
    return clouds(*MODERN)


@pytest.fixture
def read() -> Iterator[Read]:
    """Reads a cloud as an operator with the database's key does."""
    with ExitStack() as stack:

        def source(cloud: Cloud, rules: Rules | None = None, **wishes: Any) -> Source:
            database = stack.enter_context(Database(Dsn.parse(cloud.dsn, PASSWORD), 30))
            told = {"key": DatabaseKey(secret=DB_SECRET), **wishes}
            return Source.read(database, Wishes(**told), rules or Rules())

        yield source
