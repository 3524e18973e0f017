"""The unit: one database transaction, in which one message is handled or many together."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from stowage_contracts.envelope import Envelope

from stowage_runtime.database import Pooled, queries
from stowage_runtime.database.translating import translated

Work = Callable[[], Awaitable[None]]
R = TypeVar("R")


class Unit:
    """What the messages of one transaction share: its connection, what it writes later and says."""

    def __init__(self, connection: Pooled, named: Mapping[str, str], now: datetime) -> None:
        self.connection, self.now = connection, now
        self.memo: dict[Hashable, Any] = {}
        self.said: list[tuple[Envelope, str]] = []
        self.signals: list[Envelope] = []
        self.intended = False
        self._queries = named
        self._behind: dict[Hashable, Work] = {}
        self._last: dict[Hashable, Work] = {}

    async def ask(self, method: Callable[..., Awaitable[R]], query: str, args: Any) -> R:
        """Run a named query on the connection, after whatever was left to be written."""
        if self._behind:
            await self._write()
        with translated():
            return await method(queries.named(self._queries, query), *args)

    def behind(self, key: Hashable, write: Work) -> None:
        """Run ``write`` before the next statement, however often it is asked for till then."""
        self._behind.setdefault(key, write)

    def at_last(self, key: Hashable, work: Work) -> None:
        """Run ``work`` before the commit, however often it is asked for till then."""
        self._last.setdefault(key, work)

    async def finish(self) -> None:
        """Do what was put off; work may put off more."""
        while self._last or self._behind:
            await self._write()
            if self._last:
                await self._last.pop(next(iter(self._last)))()

    async def _write(self) -> None:
        while self._behind:
            await self._behind.pop(next(iter(self._behind)))()
