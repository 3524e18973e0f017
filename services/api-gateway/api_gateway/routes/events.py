"""Server-sent events: what happened, resumable, and live progress."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Value
from stowage_runtime.http import EVENTS, Call, Route, Stream
from stowage_runtime.service import Desk

from api_gateway.deps import Deps

BATCH = 200
KEEP_ALIVE_SECONDS = 10.0


class EventsQuery(Value):
    """Which events; all the caller may see when nothing is named."""

    noun: str = ""
    id: str = ""
    after: int | None = None
    """Begin after this event id; from now on when missing. Last-Event-ID wins."""


async def events(call: Call, desk: Desk, deps: Deps) -> Stream:
    """Follow events; each carries an id to resume after, progress has none."""
    return Stream(_follow(call, desk, deps, _start(call)))


def _start(call: Call) -> int | None:
    text = call.headers.get("Last-Event-ID", "")
    if not text:
        after: int | None = call.query.after
        return after
    if not text.isdigit():
        raise InvalidInput("Last-Event-ID is not one of ours", code="last_event_id")
    return int(text)


async def _follow(call: Call, desk: Desk, deps: Deps, after: int | None) -> AsyncIterator[bytes]:
    async with deps.feed.listen() as queue:
        if after is None:
            async with desk.transaction() as tx:
                after = int(await tx.value("feed_end"))
        yield b": stowage events\n\n"
        while True:
            rows = await _after(desk, after)
            for row in rows:
                after = row["id"]
                if _wanted(call, row["noun"], row["subject_id"], row["account_id"]):
                    yield _event(row)
            if len(rows) == BATCH:
                continue
            event = await _next(queue)
            if event.get("end"):
                return
            yield _live(call, event)


async def _after(desk: Desk, after: int) -> list[Record]:
    async with desk.transaction() as tx:
        return await tx.rows("feed_after", after, BATCH)


async def _next(queue: "asyncio.Queue[dict[str, Any]]") -> dict[str, Any]:
    try:
        return await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
    except TimeoutError:
        return {}


def _wanted(call: Call, noun: str, key: str, account: str) -> bool:
    if call.principal.sees and account not in {"", call.principal.sees}:
        return False
    return call.query.noun in {"", noun} and call.query.id in {"", key}


def _event(row: Record) -> bytes:
    data = json.dumps({"type": row["type"], "at": row["at"].isoformat(), **row["body"]})
    return f"id: {row['id']}\nevent: {row['type']}\ndata: {data}\n\n".encode()


def _live(call: Call, event: dict[str, Any]) -> bytes:
    progress = event.get("progress")
    if not progress:
        return b": alive\n\n"
    data = progress["data"]
    if not _wanted(call, "copy", data["copy_id"], progress["account"]):
        return b": alive\n\n"
    return f"event: CopyProgressed\ndata: {json.dumps(data)}\n\n".encode()


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/events",
        events,
        "Follow events (server-sent events)",
        query=EventsQuery,
        media=EVENTS,
        tags=("events",),
    ),
)
