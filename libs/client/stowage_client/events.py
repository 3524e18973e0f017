"""Server-sent events: parsed, and followed over any number of connections."""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Any, Self

import aiohttp
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import Instant, Value

from stowage_client.session import Pauses, Session

PATH = "/v1/events"
MISSED = "EventsMissed"
"""Told before anything else where events between the last one seen and the next are gone."""
RECONNECT_SECONDS = 60.0
"""How long a stream that was lost is sought again."""


class Event(Value):
    """Something that happened, or live progress of a copy (``CopyProgressed``)."""

    type: str
    at: Instant
    noun: str
    id: str
    data: dict[str, Any]
    event: str = ""
    """Its own id; with its source the same wherever it is told."""
    source: str = ""
    sequence: int = 0
    """Counts the events of its source and subject."""
    position: str = ""
    """Give it as ``after`` to follow on from here; empty for progress, which is not kept."""


class EventStream:
    """A context manager; inside it every event from now on (or ``after`` one) is received.

    A lost connection is made again after the last event seen. Where none was seen yet something
    may have been missed: then None is yielded, and the caller should look at the state again.
    """

    def __init__(self, session: Session, query: dict[str, str]) -> None:
        self._session = session
        self._query = {name: text for name, text in query.items() if text}
        self._position = query.get("after", "")
        self._stack = AsyncExitStack()
        self._content: aiohttp.StreamReader | None = None

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def __aiter__(self) -> AsyncGenerator[Event | None, None]:
        while True:
            async with aclosing(self._read()) as events:
                async for event in events:
                    self._position = event.position or self._position
                    yield None if event.type == MISSED else event
            await self._reconnect()
            if not self._position:
                yield None

    async def _connect(self) -> None:
        await self._stack.aclose()
        headers = {"Last-Event-ID": self._position} if self._position else {}
        stream = self._session.stream(PATH, self._query, headers)
        self._content = await self._stack.enter_async_context(stream)
        await self._content.readline()  # the greeting: from here on nothing is missed

    async def _reconnect(self) -> None:
        pauses = Pauses(RECONNECT_SECONDS)
        while True:
            try:
                return await self._connect()
            except Unavailable:
                if not await pauses.rest():
                    raise

    async def _read(self) -> AsyncGenerator[Event, None]:
        """Events until the connection is lost."""
        assert self._content is not None
        fields: dict[str, str] = {}
        try:
            async for raw in self._content:
                line = raw.decode().rstrip("\r\n")
                name, _, text = line.partition(": ")
                if line:
                    fields[name] = text
                    continue
                if "data" in fields:
                    told = json.loads(fields["data"])
                    yield Event.model_validate({**told, "position": fields.get("id", "")})
                fields = {}
        except (aiohttp.ClientError, TimeoutError):
            return
