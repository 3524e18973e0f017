"""The in-process bus's dead letters in PostgreSQL, so that they outlive the process."""

from stowage_runtime.bus.dead_letters import DeadLetter
from stowage_runtime.database import Database


class TableSink:
    """Rows of the runtime's table ``dead_letters`` in one service's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bury(self, letter: DeadLetter) -> None:
        columns = letter.model_dump(exclude={"died", "reason"})
        reason = letter.reason.model_dump()
        await self._database.fetch("runtime.bury", *columns.values(), reason, letter.died)

    async def entries(self, reader: str, limit: int) -> list[DeadLetter]:
        rows = await self._database.fetch("runtime.dead_letters", reader, None, limit)
        return [DeadLetter.model_validate(dict(row)) for row in rows]

    async def get(self, reader: str, id: str) -> DeadLetter | None:
        rows = await self._database.fetch("runtime.dead_letters", reader, id, 1)
        return DeadLetter.model_validate(dict(rows[0])) if rows else None

    async def remove(self, queue: str, id: str) -> None:
        await self._database.fetch("runtime.exhume", queue, id)
