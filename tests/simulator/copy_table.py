"""The copy table twice: in PostgreSQL by its SQL, in memory by the simulator's tables."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data_motion.deps import Deps
from data_motion.records import AgentRecord, AskerRecord, CopyRecord, HopRecord
from stowage_contracts.errors import StowageError
from stowage_contracts.message import Kind, Message
from stowage_runtime.testing.bench import ServiceBench

from tests.simulator.bus import Letter
from tests.simulator.kernel import BEGIN, at_once
from tests.simulator.tables.data_motion import MotionTables
from tests.simulator.tables.rows import MemoryTx

RECORDS: dict[str, type[Any]] = {
    "copies": CopyRecord,
    "askers": AskerRecord,
    "hops": HopRecord,
    "agents": AgentRecord,
}
FREEZE = """
CREATE TABLE IF NOT EXISTS frozen (at timestamptz NOT NULL);
CREATE OR REPLACE FUNCTION stowage_now() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN (SELECT at FROM frozen LIMIT 1);
TRUNCATE frozen, copies, askers, hops, agents, stores, withdrawn, pulse, motion_policies,
    cache_fleets, intents,
    inbox, outbox CASCADE
"""


@dataclass
class Twins:
    """Does the same with both, and tells how they differ."""

    bench: ServiceBench[Deps]
    tables: MotionTables = field(default_factory=MotionTables)
    now: datetime = BEGIN
    said: list[str] = field(default_factory=list)
    """What memory said, in order."""

    async def begin(self) -> None:
        """Empty, with a clock that stands still."""
        await self._execute(FREEZE)
        await self.pass_time(0)

    async def pass_time(self, seconds: float) -> None:
        """Both clocks go on."""
        self.now += timedelta(seconds=seconds)
        await self._execute("TRUNCATE frozen")
        await self._execute(f"INSERT INTO frozen VALUES ('{self.now.isoformat()}')")

    async def hear(self, message: Message) -> None:
        """Both handle one message, in the same way."""
        service = self.bench.service
        signal = message.kind is Kind.SIGNAL
        handler = (service.signals if signal else service.handlers)[type(message)]
        mine = self._mine(lambda tx: handler(message, tx, service.deps), message)
        try:
            await (self.bench.hear(message) if signal else self.bench.handle(message))
            theirs = ""
        except StowageError as error:
            theirs = error.code
        assert theirs == mine, f"{type(message).__name__}: {theirs or 'done'}, not {mine or 'done'}"

    async def sweep(self) -> None:
        """Both let their deadlines pass."""
        (timer,) = (t for t in self.bench.service.timers if t.name == "sweep")
        self._mine(lambda tx: timer.run(tx, self.bench.service.deps), None)
        await self.bench.run_timers("sweep")

    async def differences(self) -> list[str]:
        """Rows that are not the same in both, and words that are not."""
        found = []
        for name, kind in RECORDS.items():
            theirs = {self._key(r): r for r in await self._rows(name, kind)}
            mine = {self._key(r): r for r in getattr(self.tables, name).values()}
            for key in sorted(theirs.keys() | mine.keys()):
                found += _differ(f"{name} {key}", theirs.get(key), mine.get(key))
        said = [type(message).__name__ for message in await self.bench.said()]
        if said != self.said:
            found.append(f"said: {said[-12:]} and {self.said[-12:]}")
        return found

    def _mine(self, work: Any, message: Message | None) -> str:
        source = message.owner.value if message else ""
        cause = Letter("", source, message) if message else None
        kept, tx = self.tables.keep(), MemoryTx(self.tables, self.now, cause)
        try:
            at_once(work(tx))
            at_once(tx.finish())
        except StowageError as error:
            self.tables.restore(kept)
            return error.code
        self.said += [type(message).__name__ for message, _ in tx.said]
        return ""

    async def _rows(self, name: str, kind: type[Any]) -> list[Any]:
        async with self.bench.database.connection() as connection:
            rows = await connection.fetch(f"SELECT to_jsonb(t) AS row FROM {name} AS t")
        return [kind.model_validate(row["row"]) for row in rows]

    async def _execute(self, statement: str) -> None:
        async with self.bench.database.connection() as connection:
            await connection.execute(statement)

    @staticmethod
    def _key(record: Any) -> str:
        return str(getattr(record, "id", None) or record.host_id)


def _differ(name: str, theirs: Any, mine: Any) -> list[str]:
    if theirs == mine:
        return []
    if theirs is None or mine is None:
        return [f"{name} is only in {'memory' if theirs is None else 'PostgreSQL'}"]
    return [
        f"{name}.{column}: {getattr(theirs, column)!r} in PostgreSQL, {getattr(mine, column)!r}"
        for column in type(theirs).model_fields
        if getattr(theirs, column) != getattr(mine, column)
    ]
