"""Plans of named queries: which tables they would read from end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stowage_runtime.database.migrating import Session

from tests.integration.image_store.catalogue import GROWING


async def plan_for(connection: Session, sql: str, *args: Any) -> Any:
    """The plan for these very arguments, as it is made for the first few calls of a session."""
    (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) {sql}", *args)
    return row[0][0]["Plan"]


async def plan_for_any(connection: Session, sql: str) -> Any:
    """The plan that is kept for all arguments once a session has called it some times."""
    count = max(map(int, re.findall(r"\$([0-9]+)", sql)), default=0)
    nothing = f"({', '.join(['NULL'] * count)})" if count else ""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE one AS {sql}")
    try:
        (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE one{nothing}")
    finally:
        await connection.execute("DEALLOCATE one")
        await connection.execute("RESET plan_cache_mode")
    return row[0][0]["Plan"]


def read_whole(plan: Any) -> list[str]:
    """Growing tables that are read row by row."""
    return sorted(
        {
            node["Relation Name"]
            for node in _nodes(plan)
            if node.get("Relation Name") in GROWING and node["Node Type"] == "Seq Scan"
        }
    )


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
