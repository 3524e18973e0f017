"""Lists are read along an index, whoever asks and however many rows others have."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_runtime.database import queries
from stowage_runtime.testing.bench import ServiceBench

FILL = """
INSERT INTO resources (noun, id, account_id, sequence, state, created, updated)
SELECT 'template', 't' || n, 'a' || n % 100, 1, '{"removed": false}', now(), now()
FROM generate_series(1, 20000) AS n
"""
FILL_LINKS = """
INSERT INTO links (id, account_id, kind, object_id, file_name, made, expires)
SELECT 'l' || n, 'a' || n % 100, 'template', 't', 'f', now(), now()
FROM generate_series(1, 20000) AS n
"""
PAGE = ("template", None, "", [{"removed": False}], 51)


@pytest.mark.parametrize(
    ("query", "args", "index"),
    [
        ("page", PAGE, "resources_page"),
        ("page_of_account", (*PAGE, "a5"), "resources_account"),
        ("page_of_account", (*PAGE, "nobody"), "resources_account"),
        ("links", ("", None, "", 51), "links_page"),
        ("links", ("a5", None, "", 51), "links_"),
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
