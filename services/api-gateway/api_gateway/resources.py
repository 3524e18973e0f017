"""Reading and accepting resources: what every route of a noun shares."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from asyncpg import Record
from pydantic import BaseModel, Field
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.values import Value
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps


class Page(BaseModel):
    """One page of a list, newest first; pass ``next`` back as ``cursor`` for the one after."""

    items: list[dict[str, Any]]
    next: str | None = None


class PageQuery(Value):
    """How much of a list, and from where."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str = ""


class WaitQuery(Value):
    """Wait until the resource settled, at most so many seconds."""

    wait: float = Field(default=0, ge=0, le=600)


async def page(noun: str, call: Call, desk: Desk, match: dict[str, Any] | None = None) -> Page:
    """The caller's resources of a noun."""
    after = _decode(call.query.cursor)
    limit = call.query.limit
    async with desk.transaction() as tx:
        rows = await tx.rows("page", noun, call.principal.sees, *after, match or {}, limit + 1)
    more = len(rows) > limit
    return Page(
        items=[row["state"] for row in rows[:limit]],
        next=_encode(rows[limit - 1]) if more else None,
    )


def _encode(row: Record) -> str:
    text = json.dumps([row["created"].isoformat(), row["id"]])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(cursor: str) -> tuple[datetime | None, str]:
    if not cursor:
        return None, ""
    try:
        when, last = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(when), str(last)
    except (ValueError, TypeError):
        raise InvalidInput("not a cursor this list gave out", code="cursor") from None


async def show(noun: str, key: str, call: Call, desk: Desk) -> dict[str, Any]:
    """One resource's state; raises NotFound, also for what belongs to others."""
    async with desk.transaction() as tx:
        return await state(noun, key, call, tx)


async def state(noun: str, key: str, call: Call, tx: Tx) -> dict[str, Any]:
    """As ``show``, in a transaction."""
    row = await tx.row("resource", noun, key)
    if row is None or (call.principal.sees and row["account_id"] not in {"", call.principal.sees}):
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key}")
    return dict(row["state"])


async def settled(
    noun: str, call: Call, desk: Desk, deps: Deps, done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The state once ``done``, or as it is when the asked ``wait`` is over."""
    key = call.path["id"]
    seconds = min(call.query.wait, deps.settings.max_wait_seconds)
    async with deps.feed.listen() as queue:
        found = await show(noun, key, call, desk)
        try:
            async with asyncio.timeout(seconds):
                while not done(found):
                    await queue.get()
                    found = await show(noun, key, call, desk)
        except TimeoutError:
            pass
    return found


async def accept(call: Call, desk: Desk, make: Callable[[Tx], Awaitable[BaseModel]]) -> Reply:
    """Do ``make`` once for each Idempotency-Key of an account; again it answers the same."""
    key = call.headers.get("Idempotency-Key", "")
    if len(key) > 255:
        raise InvalidInput("an Idempotency-Key has at most 255 characters", code="idempotency_key")
    async with desk.transaction() as tx:
        known = await _replay(tx, call, key) if key else None
        if known is not None:
            return Reply(json.dumps(known).encode(), headers={"Idempotency-Replayed": "true"})
        made = await make(tx)
        if key:
            body = made.model_dump(mode="json")
            await tx.run("remember", call.principal.account_id, key, _fingerprint(call), body)
    return Reply(made)


async def _replay(tx: Tx, call: Call, key: str) -> dict[str, Any] | None:
    row = await tx.row("replay", call.principal.account_id, key)
    if row is None:
        return None
    if row["request_hash"] != _fingerprint(call):
        raise Conflict(
            "the Idempotency-Key was used for another request",
            code="idempotency_key",
            hint="take a new key for a new request",
        )
    return dict(row["reply"])


def _fingerprint(call: Call) -> str:
    body = call.body.model_dump_json() if call.body is not None else ""
    return hashlib.sha256(f"{call.method} {call.target}\n{body}".encode()).hexdigest()


async def pending(tx: Tx, noun: str, view: BaseModel, account_id: str = "") -> BaseModel:
    """Insert what was just asked for, so that its caller reads it back at once."""
    body = view.model_dump(mode="json")
    await tx.run("add_pending", noun, body["id"], account_id, body)
    return view
