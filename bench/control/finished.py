"""Many finished copies beside the few that move: rows like those of one that has just ended."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from tests.e2e.deployment import Backing


@dataclass(frozen=True)
class Table:
    """One service's table, a row of a finished copy in it, and the names its likes get."""

    name: str
    where: str
    names: str
    """JSON object of the columns that differ, for number ``n``."""

    @property
    def statement(self) -> str:
        """Inserts $1 more rows like that one."""
        return (
            f"INSERT INTO {self.name} SELECT r.* FROM "
            f"(SELECT t FROM {self.name} t WHERE {self.where} LIMIT 1) one, "
            f"generate_series(1, $1::int) n, "
            f"LATERAL jsonb_populate_record(one.t, jsonb_build_object({self.names})) r"
        )


COPY, VOLUME = "'finished-' || n", "'volume-' || n"
TABLES = (
    Table("data_motion.copies", "state = 'done'", f"'id', {COPY}"),
    Table("data_motion.askers", "state = 'active'", f"'id', {COPY}, 'copy_id', {COPY}"),
    Table("data_motion.hops", "state = 'committed'", f"'id', {COPY}, 'copy_id', {COPY}"),
    Table("data_motion.subjects", "subject LIKE 'copy/%'", f"'subject', 'copy/' || {COPY}"),
    Table("image_store.stored_object", "noun = 'volume' AND due IS NULL", f"'id', {VOLUME}"),
    Table(
        "image_store.object_store_ref",
        "noun = 'volume' AND state = 'Ready'",
        f"'id', {VOLUME}, 'object_id', {VOLUME}, 'copy_id', {COPY}",
    ),
    Table("image_store.subjects", "subject LIKE 'volume/%'", f"'subject', 'volume/' || {VOLUME}"),
    Table("api_gateway.resources", "noun = 'copy' AND state ->> 'state' = 'done'", f"'id', {COPY}"),
    Table("api_gateway.resources", "noun = 'volume'", f"'id', {VOLUME}"),
)


async def fill(where: Backing, count: int) -> None:
    """Make so many; raises LookupError when a table holds nothing of a finished copy."""
    connection = await asyncpg.connect(where.database_url)
    try:
        for table in TABLES:
            made = await connection.execute(table.statement, count)
            if made != f"INSERT 0 {count}":
                raise LookupError(f"{table.name}: {made}")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
