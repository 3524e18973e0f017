"""Many templates in the gateway's tables: rows like those of one that was registered."""

from __future__ import annotations

import asyncpg

from tests.e2e.deployment import Backing

_TABLES = ("resources", "descriptions")
_SETTLE = """
UPDATE api_gateway.resources SET sequence = 1,
    state = state || '{"ready": true, "size": 1048576, "virtual_size": 1048576}'
WHERE noun = 'template'
"""
_CLONE = """
INSERT INTO api_gateway.{table} ({columns}) SELECT {columns} FROM
    (SELECT t FROM api_gateway.{table} t WHERE noun = 'template' AND id = $1) one,
    generate_series($2::int, $3::int) n,
    LATERAL jsonb_populate_record(one.t, {changes}) r
"""
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'api_gateway' AND table_name = $1 AND is_generated = 'NEVER'
"""
_CHANGES = "jsonb_build_object('id', $1 || '-' || n, 'created', now() - n * interval '1 second')"
_STATED = (
    f"{_CHANGES} || jsonb_build_object('state', (one.t).state || "
    "jsonb_build_object('id', $1 || '-' || n, 'name', 'image ' || n))"
)


async def fill(where: Backing, template_id: str, had: int, wanted: int) -> None:
    """Have so many ready templates of the same account."""
    connection = await asyncpg.connect(where.database_url)
    try:
        await connection.execute(_SETTLE)
        for table in _TABLES:
            named = await connection.fetch(_COLUMNS, table)
            columns = ", ".join(row["column_name"] for row in named)
            changes = _STATED if table == "resources" else _CHANGES
            clone = _CLONE.format(table=table, columns=columns, changes=changes)
            await connection.execute(clone, template_id, had, wanted - 1, timeout=900)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()
