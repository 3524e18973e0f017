"""Tables in memory behind the services' own ``Tx``: the same named queries, all or nothing."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stowage_contracts.message import Message
from stowage_contracts.values import Value
from stowage_runtime.handling.deferred import Deferred, Work


class Row:
    """A row as asyncpg gives it: by name, by place, unpacked in the order of its columns."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns

    def __getitem__(self, name: str | int) -> Any:
        return list(self._columns.values())[name] if isinstance(name, int) else self._columns[name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._columns.values())

    def get(self, name: str, default: Any = None) -> Any:
        return self._columns.get(name, default)

    def keys(self) -> list[str]:
        return list(self._columns)

    def having(self, **changes: Any) -> "Row":
        """The same with some columns changed; a row itself never changes."""
        return Row({**self._columns, **changes})

    def __repr__(self) -> str:
        return repr(self._columns)


Table = dict[Any, Any]
Query = Callable[..., Any]


class Violation(Exception):
    """Something that must never be, was."""


@dataclass
class Intent:
    """A row of ``intents``."""

    kind: str
    key: str
    payload: Value
    run_at: datetime
    deadline: datetime
    attempts: int = 0
    leased_until: datetime | None = None


class Tables:
    """One service's schema; subclasses name their tables in ``tables`` and define the queries."""

    tables: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.inbox: Table = {}
        self.sequences: Table = {}
        self.intents: Table = {}
        self.outbox: Table = {}
        for name in self.tables:
            setattr(self, name, {})
        self.serial = 0

    @property
    def _all(self) -> tuple[str, ...]:
        return (*self.tables, "inbox", "sequences", "intents", "outbox")

    def keep(self) -> dict[str, Table]:
        """What to go back to; rows are never changed in place."""
        return {name: dict(getattr(self, name)) for name in self._all}

    def restore(self, kept: dict[str, Table]) -> None:
        """As if the transaction had never begun."""
        for name, table in kept.items():
            setattr(self, name, table)

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def query(self, name: str) -> Query:
        """The method that stands for a named query; reserved words end with ``_``."""
        found = getattr(self, f"q_{name}", None)
        if found is None:
            raise Violation(f"{type(self).__name__} has no query {name}: write q_{name}")
        return found  # type: ignore[no-any-return]

    @classmethod
    def known(cls) -> set[str]:
        """Names of the queries there are."""
        return {name[2:] for name in dir(cls) if name.startswith("q_")}

    def change(self, table: Table, key: Any, **columns: Any) -> int:
        """Update one row, if it is there; how many were touched."""
        if key not in table:
            return 0
        table[key] = table[key].having(**columns)
        return 1


@dataclass
class MemoryTx:
    """Implements ``Tx`` on tables in memory."""

    tables: Tables
    now: datetime
    cause: Any = None
    said: list[tuple[Message, str]] = field(default_factory=list)
    signals: list[Message] = field(default_factory=list)
    memo: dict[Hashable, Any] = field(default_factory=dict)
    deferred: Deferred = field(default_factory=Deferred)

    def behind(self, key: Hashable, write: Work) -> None:
        self.deferred.behind(key, write)

    def at_last(self, key: Hashable, work: Work) -> None:
        self.deferred.at_last(key, work)

    async def finish(self) -> None:
        """Do what was put off, as before a commit."""
        await self.deferred.finish()

    async def rows(self, query: str, *args: Any) -> list[Any]:
        return list(await self._ask(query, args))

    async def row(self, query: str, *args: Any) -> Any:
        found = await self._ask(query, args)
        return next(iter(found), None)

    async def value(self, query: str, *args: Any) -> Any:
        found = await self._ask(query, args)
        if isinstance(found, list):
            found = found[0] if found else None
        return found[0] if isinstance(found, Row) else found

    async def run(self, query: str, *args: Any) -> int:
        touched = await self._ask(query, args)
        return touched if isinstance(touched, int) else len(touched)

    async def say(self, *messages: Message, to: str = "") -> None:
        self.said += [(message, to) for message in messages]

    async def intend(
        self, kind: str, payload: Value, *, key: str = "", within: timedelta, after: float = 0
    ) -> None:
        tables = self.tables
        tables.serial += 1
        name = (kind, key or f"#{tables.serial}")
        if name not in tables.intents:
            due = self.now + timedelta(seconds=after)
            tables.intents[name] = Intent(kind, key, payload, due, self.now + within)

    def signal(self, message: Message) -> None:
        self.signals.append(message)

    async def _ask(self, query: str, args: tuple[Any, ...]) -> Any:
        await self.deferred.write()
        self.tables.now = self.now
        return self.tables.query(query)(*args)
