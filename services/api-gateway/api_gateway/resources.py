"""Reading resources: what every route of a noun shares."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from asyncpg import Record
from pydantic import BaseModel, Field, RootModel
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given, is_id
from api_gateway.deps import Deps

T = TypeVar("T")
Match = Mapping[str, Any]
"""Part of a state."""
Place = tuple[datetime | None, str]
"""Time and id of a row; the time is None before the first one."""
HIDDEN: Mapping[str, Any] = {
    "settings": {},
    "checks": [],
    "evacuation": None,
    "inventory": None,
    "error": None,
}
"""What ordinary accounts are shown of a store's inside: nothing."""
SHARED = frozenset({"template", "volume", "snapshot"})
"""Nouns of which one may be public, or shared with an account."""
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


@dataclass(frozen=True)
class Asks:
    """Which of a list: of one account and one name, created in a time, and any of some states."""

    account_id: str | None = None
    name: str | None = None
    since: datetime = _EPOCH
    before: datetime | None = None
    any_of: Sequence[Match] = ({},)


class PageQuery(Given):
    """How much of a list, and from where."""

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str = Field(default="", max_length=100)

    def asks(self) -> Asks:
        """All of it."""
        return Asks()


class WaitQuery(Given):
    """Wait until the resource settled: at most so many seconds, or as long as one may."""

    wait: Annotated[float, Field(ge=0, le=600)] | Literal["ready"] = 0


class Found(dict[str, Any]):
    """A resource's state, and the entity tag it is known by."""

    tag = ""


async def page(
    noun: str, call: Call, desk: Desk, any_of: Sequence[Match] | None = None
) -> Page[dict[str, Any]]:
    """The caller's resources of a noun; a page stays where it is while others are added.

    Shown are those that the query asks for, or whose state contains one of ``any_of``.
    """
    limit, asks = call.query.limit, call.query.asks()
    async with desk.transaction() as tx:
        rows = await tx.rows(*_question(noun, call, asks, any_of or asks.any_of))
    return Page(
        items=[visible(noun, row["state"], call.principal) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "created") if len(rows) > limit else None,
    )


def _question(noun: str, call: Call, asks: Asks, any_of: Sequence[Match]) -> tuple[Any, ...]:
    """The query that walks the narrowest index, with its arguments."""
    at = _from(position(call.query.cursor), asks.before)
    asked = (noun, *at, list(any_of), call.query.limit + 1, asks.since)
    accounts = _accounts(call.principal, asks.account_id)
    state = any_of[0].get("state") if len(any_of) == 1 else None
    shared = accounts is not None and asks.account_id is None and noun in SHARED
    if asks.name is not None:
        named = "newest_shown_of_name" if shared else "newest_of_name"
        return (named, *asked, accounts, asks.name)
    if shared:
        return ("newest_shown", *asked, accounts)
    if accounts is not None:
        return ("newest_of_accounts", *asked, accounts)
    return ("newest_in_state", *asked, state) if state else ("newest", *asked)


def _from(after: Place, before: datetime | None) -> Place:
    """Where a page begins: after the one before, and never at what was created too late."""
    if before is None or (after[0] is not None and (after[0], after[1]) <= (before, "")):
        return after
    return before, ""


def _accounts(principal: Principal, asked: str | None) -> list[str] | None:
    """Whose resources are looked through; None for everybody's."""
    if asked is not None:
        return principal.seen_of([asked])
    return None if principal.sees is None else ["", *principal.sees]


def cursor(row: Record, when: str) -> str:
    """Names a row by the time in its column ``when`` and its id."""
    return f"{(row[when] - _EPOCH) // _MICROSECOND}.{row['id']}"


def position(text: str) -> Place:
    """Time and id a cursor names; none for the first page. Raises InvalidInput."""
    if not text:
        return None, ""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise InvalidInput("not a cursor this list gave out", code="cursor")
    return _EPOCH + int(match[1]) * _MICROSECOND, match[2]


async def show(noun: str, key: str, call: Call, desk: Desk) -> Found:
    """One resource's state; raises NotFound, also for what belongs to others and is not shared."""
    async with desk.transaction() as tx:
        return await readable(noun, key, call.principal, tx)


async def readable(noun: str, key: str, principal: Principal, tx: Tx) -> Found:
    """The state of the caller's own, or of what is public or shared with it; raises NotFound."""
    row = await tx.row("resource", noun, key) if is_id(key) else None
    if row is not None and _of_others(row, principal):
        row = row if await tx.value("lets_in", noun, key, principal.sees) else None
    return _found(row, noun, key, principal)


async def state(noun: str, key: str, principal: Principal, tx: Tx) -> Found:
    """The state of the caller's own, which it may change; raises NotFound."""
    row = await tx.row("resource", noun, key) if is_id(key) else None
    own = row if row is not None and not _of_others(row, principal) else None
    return _found(own, noun, key, principal)


def _found(row: Record | None, noun: str, key: str, principal: Principal) -> Found:
    if row is None or _forgotten(row):
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key[:64]}")
    found = Found(visible(noun, row["state"], principal))
    found.tag = f'"{version(row["sequence"], row["orders"])}-{_digest(found)}"'
    return found


def version(sequence: int, orders: int) -> str:
    """What a caller may have seen of a resource: its owner's words, and the orders since."""
    return f"{sequence}.{orders}"


def _digest(found: Mapping[str, Any]) -> str:
    """Tells apart what is of one version: a copy's figures, and what only operators see."""
    raw = json.dumps(found, sort_keys=True).encode()
    return hashlib.blake2b(raw, digest_size=6).hexdigest()


def shown(found: Found) -> Reply:
    """A resource with the tag by which a later request can name what it saw."""
    return Reply(State(found), headers={"ETag": found.tag})


def _of_others(row: Record, principal: Principal) -> bool:
    return not principal.may_see(row["account_id"])


def _forgotten(row: Record) -> bool:
    """Removed, with a state that has no word for it."""
    return bool(row["removed"]) and not {"state", "removed"} & set(row["state"])


def visible(noun: str, found: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """What a caller may see of a resource: paths and errors of stores are the operators'."""
    if noun != "store" or principal.admin:
        return dict(found)
    return {**found, **HIDDEN}


async def reference(noun: str, key: str, principal: Principal, tx: Tx) -> Found:
    """The state of what a request changes; what was removed is not found either."""
    return _there(await state(noun, key, principal, tx), f"{noun}/{key}")


async def usable(noun: str, key: str, principal: Principal, tx: Tx) -> Found:
    """As ``reference``, of what a request only reads: also what is public or shared."""
    return _there(await readable(noun, key, principal, tx), f"{noun}/{key}")


def _there(found: Found, resource: str) -> Found:
    if found.get("removed") or found.get("state") == "Removed":
        noun = resource.partition("/")[0]
        raise NotFound(f"the {noun} was removed", resource=resource, code="removed")
    return found


async def settled(
    noun: str, call: Call, desk: Desk, deps: Deps, done: Callable[[dict[str, Any]], bool]
) -> Found:
    """The state once ``done``, or as it is when the asked ``wait`` is over."""
    key, now = call.path["id"], asyncio.get_running_loop().time
    found = await show(noun, key, call, desk)
    if done(found) or not call.query.wait:
        return found
    longest = deps.settings.max_wait_seconds
    until = now() + (longest if call.query.wait == "ready" else min(call.query.wait, longest))
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
