"""A deployment whose broker and database a test may stop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import Servers
from tests.e2e.conftest import operator, s3_store
from tests.e2e.deployment import Backing
from tests.servers.databases import fresh_database
from tests.servers.server import Server

__all__ = ["operator", "s3_store"]


@pytest.fixture(scope="module")
def broker(servers: Servers) -> Server:
    return servers.private("rabbitmq")


@pytest.fixture(scope="module")
def database(servers: Servers) -> Server:
    return servers.private("postgres")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backing(broker: Server, database: Server) -> AsyncIterator[Backing]:
    management = broker.exports()["STOWAGE_TEST_AMQP_MANAGEMENT_URL"]
    async with fresh_database(database.url) as url:
        yield Backing(url, broker.url, management, "outage")
