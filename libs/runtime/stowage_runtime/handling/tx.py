"""Tx: the one thing a handler may touch; state, words and intents commit together."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any, Protocol

from asyncpg import Record
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.values import Value

from stowage_runtime.handling.deferred import Work


class Tx(Protocol):
    """One transaction in the service's own schema. Queries are named in ``queries.sql``."""

    cause: Envelope | None
    """The message being handled; None in a timer or route."""

    @property
    def now(self) -> datetime:
        """The transaction's time, from the one overridable clock function."""
        ...

    async def rows(self, query: str, *args: Any) -> list[Record]:
        """All rows of the named query."""
        ...

    async def row(self, query: str, *args: Any) -> Record | None:
        """The first row, or None."""
        ...

    async def value(self, query: str, *args: Any) -> Any:
        """First column of the first row, or None."""
        ...

    async def run(self, query: str, *args: Any) -> int:
        """Execute; the number of rows touched."""
        ...

    async def say(self, *messages: Message, to: str = "") -> None:
        """Put messages in the outbox; commands need ``to`` (their address)."""
        ...

    async def intend(
        self, kind: str, payload: Value, *, key: str = "", within: timedelta, after: float = 0
    ) -> None:
        """Queue an intent for a worker; ``key`` makes it unique while it is pending (a second
        one with the same kind and key is dropped). ``within`` is its deadline, ``after`` a delay
        in seconds."""
        ...

    @property
    def memo(self) -> dict[Hashable, Any]:
        """What this transaction remembers; shared by all messages that are handled in it."""
        ...

    def behind(self, key: Hashable, write: Work) -> None:
        """Run ``write`` before the next statement or the commit, once for all who ask for it."""
        ...

    def at_last(self, key: Hashable, work: Work) -> None:
        """Run ``work`` once before the commit, when every message of it was handled."""
        ...

    def signal(self, message: Message) -> None:
        """Say a signal after the commit; lost if that fails."""
        ...
