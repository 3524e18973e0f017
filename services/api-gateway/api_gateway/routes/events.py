"""Server-sent events: what happened, resumable, and live progress."""

import json
from collections.abc import AsyncGenerator

from pydantic import Field
from stowage_contracts.errors import InvalidInput
from stowage_runtime.http import EVENTS, Call, Route, Stream
from stowage_runtime.service import Desk

from api_gateway import kept
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.listeners import START, Happened, Listener, Position

BATCH = 200
KEEP_ALIVE_SECONDS = 10.0
HINT = "read the lists again; what follows is whole"


class EventsQuery(Given):
    """Which events; all the caller may see when nothing is named."""

    noun: str = Field(default="", max_length=64)
    id: str = Field(default="", max_length=64)
    after: str = Field(default="", max_length=40)
    """Begin after the event of this id, ``0-0`` for all that are kept; from now on when missing.
    Last-Event-ID wins. Who comes too late is told EventsMissed first."""


async def events(call: Call, desk: Desk, deps: Deps) -> Stream:
    """Follow events; each carries an id to resume after, live progress has none."""
    return Stream(_follow(call, desk, deps, _start(call)))


def _start(call: Call) -> Position | None:
    text = call.headers.get("Last-Event-ID", "") or call.query.after
    if not text:
        return None
    position = Position.parse(text)
    if position is None:
        raise InvalidInput("not the id of an event of ours", code="last_event_id")
    return position


async def _follow(
    call: Call, desk: Desk, deps: Deps, after: Position | None
) -> AsyncGenerator[bytes, None]:
    async with deps.feed.listen(desk) as listener:
        yield b": stowage events\n\n"
        at = await _end(desk)
        if after is not None:
            missed = await _missed(desk, after, at)
            if missed is not None:
                yield _written(missed)
            # a position beyond the end is of another server's count: show all there is
            async for item in _kept(call, desk, after if after <= at else START):
                at = item.position or at
                yield _written(item)
        async for chunk in _live(call, desk, listener, at):
            yield chunk


async def _live(
    call: Call, desk: Desk, listener: Listener, at: Position
) -> AsyncGenerator[bytes, None]:
    while not listener.ended:
        items = await listener.next(KEEP_ALIVE_SECONDS)
        if listener.behind:
            listener.behind = False
            async for item in _kept(call, desk, at):
                at = item.position or at
                yield _written(item)
        elif not items:
            yield b": alive\n\n"
        for item in items:
            if _wanted(call, item) and (item.position is None or item.position > at):
                yield _written(item)
            at = max(at, item.position or at)


async def _missed(desk: Desk, after: Position, at: Position) -> Happened | None:
    """What is told, before anything else, to who may have missed something: events after the one
    it names are kept no more, or the server never gave that one out."""
    async with desk.transaction() as tx:
        until, now = await kept.trimmed(tx), tx.now
    if START < after < until:
        why = "events after that one are kept no more"
    elif after > at:
        why, until = "that is no event of this server", at
    else:
        return None
    told = {"after": str(after), "until": str(until), "reason": why, "hint": HINT}
    return Happened(None, "EventsMissed", now, "feed", str(after), "", told)


async def _end(desk: Desk) -> Position:
    async with desk.transaction() as tx:
        return await kept.end(tx)


async def _kept(call: Call, desk: Desk, after: Position) -> AsyncGenerator[Happened, None]:
    """Kept events after a position, page by page; no transaction is open while one is sent."""
    query = call.query
    about = kept.About(noun=query.noun, id=query.id, sees=call.principal.sees)
    while True:
        async with desk.transaction() as tx:
            rows = await kept.after(after, BATCH, about, tx)
        for row in rows:
            yield Happened.of_row(row)
        if len(rows) < BATCH:
            return
        after = Position.of(rows[-1])


def _wanted(call: Call, item: Happened) -> bool:
    query, mine = call.query, call.principal.may_see(item.account)
    return mine and query.noun in {"", item.noun} and query.id in {"", item.id}


def _written(item: Happened) -> bytes:
    told = {
        "event": item.event,
        "source": item.source,
        "sequence": item.sequence,
        "type": item.type,
        "at": item.at.isoformat(),
        "noun": item.noun,
        "id": item.id,
        "data": item.body,
    }
    position = f"id: {item.position}\n" if item.position else ""
    return f"{position}event: {item.type}\ndata: {json.dumps(told)}\n\n".encode()


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
