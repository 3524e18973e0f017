"""What image-store asks for every object costs the same however many objects there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
from stowage_runtime.database import Database, Limits

from tests.integration.image_store.catalogue import fill
from tests.integration.image_store.hot_queries import HOT
from tests.integration.image_store.plans import plan_for, plan_for_any, read_whole

ROWS = 100_000
SWEEPS: Mapping[str, str] = {
    "forget_leaf_lists": "once an hour; a row for each large object",
    "forget_leaves": "once an hour; rows of large objects only",
    "grants_old": "once an hour, and most of what it reads it deletes",
    "region_due": "a zone or a store came",
    "unwant_store": "a store went",
    "lock_objects_on": "a store began to be emptied, or was removed",
    "blocked_on_store": "a store is being emptied: all replicas on it, and their objects",
    "left_on_store": "a store is being emptied: what is left is counted",
    "drop_refs_on_store": "a store went with everything on it",
    "writes_on_store": "a store is being removed",
    "unfinished_on_store": "a store is being removed",
    "only_on_store": "a store is to become a cache: every replica on it is weighed",
    "busy_on_store": "a store is to become a cache",
    "only_left_on_store": "a store is to become a cache, once what only it has is elsewhere",
    "alone_on_store": "an operator evens out stores: 10,000 replicas at most",
    "chain_on_store": "an operator moves a snapshot with all it stands on",
}
"""Queries that may read everything, because they are about everything and asked seldom."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A catalogue of 100,000 templates."""
    database = await Database.open(database_url, "image_store", "image_store", Limits())
    await database.migrate()
    async with database.begin() as connection:
        await fill(connection, ROWS)
    yield database
    await database.close()


@pytest.mark.slow
async def test_no_query_of_every_object_reads_a_growing_table_from_end_to_end(
    database: Database,
) -> None:
    found = {}
    async with database.begin() as connection:
        for name, args in HOT.items():
            plan = await plan_for(connection, database.queries[name], *args)
            found[name] = read_whole(plan)
    assert {name: tables for name, tables in found.items() if tables} == {}


@pytest.mark.slow
async def test_only_sweeps_read_a_growing_table_from_end_to_end(database: Database) -> None:
    found = set()
    async with database.begin() as connection:
        for name, sql in database.queries.items():
            if read_whole(await plan_for_any(connection, sql)):
                found.add(name)
    assert found - set(SWEEPS) == set()


def test_nothing_asked_for_every_object_is_a_sweep() -> None:
    assert HOT.keys() & SWEEPS.keys() == set()
