"""Live events: PostgreSQL notifies every gateway, each wakes its own listeners."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from pydantic import SecretStr

CHANNEL = "stowage_feed"
QUEUE_LENGTH = 1000
_RETRY_SECONDS = 1.0


class Feed:
    """Fans notifications out; a listener too slow for its queue is told to start again."""

    def __init__(self, database_url: SecretStr) -> None:
        self._url = database_url
        self._queues: set[asyncio.Queue[dict[str, Any]]] = set()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen, again whenever the database comes back."""
        self._task = asyncio.create_task(self._listen(), name="feed")

    async def close(self) -> None:
        """Stop listening; open streams end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for queue in self._queues:
            _put(queue, {"end": True})

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self._url.get_secret_value(), timeout=10)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._wake)
            await lost.wait()
        finally:
            await connection.close(timeout=2)

    def _wake(self, *notification: Any) -> None:
        event = json.loads(notification[-1])
        for queue in self._queues:
            _put(queue, event)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator["asyncio.Queue[dict[str, Any]]"]:
        """Notifications from now on: ``{"feed": id}`` or ``{"progress": …}``."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)


def _put(queue: "asyncio.Queue[dict[str, Any]]", event: dict[str, Any]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
