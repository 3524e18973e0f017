"""Reading resources: what every route of a noun shares."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from asyncpg import Record
from pydantic import BaseModel, Field, RootModel
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given, is_id
from api_gateway.deps import Deps

T = TypeVar("T")
Match = Mapping[str, Any]
"""Part of a state."""
HIDDEN: Mapping[str, Any] = {
    "settings": {},
    "checks": [],
    "evacuation": None,
    "inventory": None,
    "error": None,
}
"""What ordinary accounts are shown of a store's inside: nothing."""
RECHECK_SECONDS = 2.0
"""A waiting caller looks again after so long even when nothing was heard."""
_CURSOR = re.compile(r"(\d{1,17})\.([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class State(RootModel[dict[str, Any]]):
    """The state of one resource."""


class Page(BaseModel, Generic[T]):
    """One page of a list, newest first; pass ``next`` back as ``cursor`` for the one after."""

    items: list[T]
    next: str | None = None


class PageQuery(Given):
    """How much of a list, and from where."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str = Field(default="", max_length=100)


class WaitQuery(Given):
    """Wait until the resource settled, at most so many seconds."""

    wait: float = Field(default=0, ge=0, le=600)


async def page(
    noun: str, call: Call, desk: Desk, any_of: Sequence[Match] = ({},)
) -> Page[dict[str, Any]]:
    """The caller's resources of a noun; a page stays where it is while others are added.

    Shown are those whose state contains one of ``any_of``.
    """
    limit, sees = call.query.limit, call.principal.sees
    asked = (noun, *position(call.query.cursor), list(any_of), limit + 1)
    async with desk.transaction() as tx:
        rows = await (tx.rows("page_of_account", *asked, sees) if sees else tx.rows("page", *asked))
    return Page(
        items=[visible(noun, row["state"], call.principal) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "created") if len(rows) > limit else None,
    )


def cursor(row: Record, when: str) -> str:
    """Names a row by the time in its column ``when`` and its id."""
    return f"{(row[when] - _EPOCH) // _MICROSECOND}.{row['id']}"


def position(text: str) -> tuple[datetime | None, str]:
    """Time and id a cursor names; none for the first page. Raises InvalidInput."""
    if not text:
        return None, ""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise InvalidInput("not a cursor this list gave out", code="cursor")
    return _EPOCH + int(match[1]) * _MICROSECOND, match[2]


async def show(noun: str, key: str, call: Call, desk: Desk) -> dict[str, Any]:
    """One resource's state; raises NotFound, also for what belongs to others."""
    async with desk.transaction() as tx:
        return await state(noun, key, call.principal, tx)


async def state(noun: str, key: str, principal: Principal, tx: Tx) -> dict[str, Any]:
    """As ``show``, in a transaction."""
    row = await tx.row("resource", noun, key) if is_id(key) else None
    if row is None or _of_others(row, principal) or _forgotten(row):
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key[:64]}")
    return visible(noun, row["state"], principal)


def _of_others(row: Record, principal: Principal) -> bool:
    return bool(principal.sees) and row["account_id"] not in {"", principal.sees}


def _forgotten(row: Record) -> bool:
    """Removed, with a state that has no word for it."""
    return bool(row["removed"]) and not {"state", "removed"} & set(row["state"])


def visible(noun: str, found: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """What a caller may see of a resource: paths and errors of stores are the operators'."""
    if noun != "store" or principal.admin:
        return dict(found)
    return {**found, **HIDDEN}


async def reference(noun: str, key: str, principal: Principal, tx: Tx) -> dict[str, Any]:
    """The state of what a request refers to; what was removed is not found either."""
    found = await state(noun, key, principal, tx)
    if found.get("removed") or found.get("state") == "Removed":
        raise NotFound(f"the {noun} was removed", resource=f"{noun}/{key}", code="removed")
    return found


async def settled(
    noun: str, call: Call, desk: Desk, deps: Deps, done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The state once ``done``, or as it is when the asked ``wait`` is over."""
    key, now = call.path["id"], asyncio.get_running_loop().time
    found = await show(noun, key, call, desk)
    if done(found) or not call.query.wait:
        return found
    until = now() + min(call.query.wait, deps.settings.max_wait_seconds)
    async with deps.feed.listen(desk) as listener:
        while True:
            found = await show(noun, key, call, desk)
            left = until - now()
            if done(found) or left <= 0 or listener.ended:
                return found
            await listener.about(noun, key, min(left, RECHECK_SECONDS))


async def pending(tx: Tx, noun: str, view: BaseModel, account_id: str = "") -> None:
    """Insert what was just asked for, so that its caller reads it back at once.

    Raises Conflict when the id is taken.
    """
    body = view.model_dump(mode="json")
    if not await tx.run("add_pending", noun, body["id"], account_id, body):
        raise Conflict(
            f"the {noun} exists already",
            resource=f"{noun}/{body['id']}",
            code="exists",
            hint="leave the id out to get a fresh one; ids are never used twice",
        )
