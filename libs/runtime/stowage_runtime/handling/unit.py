"""The unit: one database transaction, in which one message is handled or many together."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from stowage_contracts.envelope import Envelope

from stowage_runtime.database import Pooled, queries
from stowage_runtime.database.translating import translated
from stowage_runtime.handling.deferred import Deferred

R = TypeVar("R")


class Unit:
    """What the messages of one transaction share: its connection, what it writes later and says."""

    def __init__(self, connection: Pooled, named: Mapping[str, str], now: datetime) -> None:
        self.connection, self.now = connection, now
        self.memo: dict[Hashable, Any] = {}
        self.said: list[tuple[Envelope, str]] = []
        self.signals: list[Envelope] = []
        self.intended = False
        self.deferred = Deferred()
        self._queries = named

    async def ask(self, method: Callable[..., Awaitable[R]], query: str, args: Any) -> R:
        """Run a named query on the connection, after whatever was left to be written."""
        await self.deferred.write()
        with translated():
            return await method(queries.named(self._queries, query), *args)
