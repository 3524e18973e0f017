"""Lists are read along an index, whoever asks and however many rows others have."""

from datetime import UTC, datetime
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_runtime.database import queries
from stowage_runtime.testing.bench import ServiceBench

FILL = """
INSERT INTO resources (noun, id, account_id, sequence, state, created, updated)
SELECT 'template', 't' || n, 'a' || n % 100, 1, jsonb_build_object('removed', false,
    'name', 'n' || n % 5000, 'state', 's' || n % 500), now(), now()
FROM generate_series(1, 20000) AS n
"""
FILL_LINKS = """
INSERT INTO links (id, account_id, kind, object_id, file_name, made, expires)
SELECT 'l' || n, 'a' || n % 100, 'template', 't', 'f', now(), now()
FROM generate_series(1, 20000) AS n
"""
SINCE = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = ("template", None, "", [{"removed": False}], 51, SINCE)


@pytest.mark.parametrize(
    ("query", "args", "index"),
    [
        ("newest", PAGE, "resources_page"),
        ("newest_of_accounts", (*PAGE, ["", "a5"]), "resources_account"),
        ("newest_of_accounts", (*PAGE, ["nobody"]), "resources_account"),
        ("newest_of_name", (*PAGE, None, "n5"), "resources_name"),
        ("newest_of_name", (*PAGE, ["", "a5"], "n5"), "resources_name"),
        ("newest_in_state", (*PAGE, "s5"), "resources_state"),
        ("links", (51, None, ""), "links_page"),
        ("links_of_accounts", (51, None, "", ["a5"]), "links_"),
    ],
)
async def test_a_list_walks_an_index(
    bench: ServiceBench[Deps], query: str, args: tuple[Any, ...], index: str
) -> None:
    text = queries.named(bench.database.queries, query)
    async with bench.database.connection() as connection:
        await connection.execute(FILL + ";" + FILL_LINKS + "; ANALYZE resources, links")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {text}", *args))
    assert index in plan
    assert "Seq Scan" not in plan
