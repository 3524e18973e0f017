"""How the mirror is doing, what it was told and what it made of that; for operators."""

from datetime import datetime
from typing import Any

from pydantic import Field
from stowage_contracts.errors import Conflict, Problem
from stowage_contracts.values import Id, Value
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.scheduling import SWEPT, ask_for_all
from api_gateway.mirror.status import MirrorStatus, status
from api_gateway.resources import Page, PageQuery, cursor, position

_TAGS = ("mirror",)


class MirroredEntity(Value):
    """What CloudStack said last of one of its entities, and what became of that here."""

    noun: str
    id: Id
    account_id: str
    facts: dict[str, Any]
    outcome: str
    """registered, added, changed, known, noted, waiting, unfit, dry_run, deleted, gone, missing,
    refused, prefetched or removed_here; `facts.why` tells more where there is more."""
    steps: tuple[dict[str, Any], ...]
    """What was last done for it; in a dry run what would have been."""
    first_seen: datetime
    seen: datetime
    gone: datetime | None
    """Since when CloudStack does not have it."""


class PendingLook(Value):
    """An entity that is to be looked at, or that was given up."""

    noun: str
    id: str
    """Empty for all of the noun."""
    action: str
    reason: str
    """Type of the newest event."""
    events: int
    asked: datetime
    due: datetime
    attempts: int
    given_up: bool
    error: Problem | None


class EntitiesQuery(PageQuery):
    """Which entities."""

    noun: str | None = Field(default=None, max_length=20)
    outcome: str | None = Field(default=None, max_length=20)


class LooksQuery(Given):
    """Which looks; the newest first."""

    given_up: bool | None = None
    limit: int = Field(default=100, ge=1, le=500)


class Looks(Value):
    """Entities that wait, or were given up."""

    items: tuple[PendingLook, ...]


async def show_status(call: Call, desk: Desk, deps: Deps) -> MirrorStatus:
    """Whether CloudStack is followed, how far behind, and what went wrong last."""
    call.principal.require_admin()
    return await status(desk, deps)


async def list_entities(call: Call, desk: Desk, deps: Deps) -> Page[MirroredEntity]:
    """Entities of CloudStack, newest first."""
    call.principal.require_admin()
    query: EntitiesQuery = call.query
    asked = (query.noun, query.outcome, *position(query.cursor), query.limit + 1)
    async with desk.transaction() as tx:
        rows = await tx.rows("mirror.entities", *asked)
    return Page(
        items=[MirroredEntity.model_validate(dict(row)) for row in rows[: query.limit]],
        next=cursor(rows[query.limit - 1], "first_seen") if len(rows) > query.limit else None,
    )


async def list_looks(call: Call, desk: Desk, deps: Deps) -> Looks:
    """What is to be looked at, and what was given up with its error."""
    call.principal.require_admin()
    async with desk.transaction() as tx:
        rows = await tx.rows("mirror.looks", call.query.given_up, call.query.limit)
    return Looks(items=tuple(PendingLook.model_validate(dict(row)) for row in rows))


async def sweep_now(call: Call, desk: Desk, deps: Deps) -> MirrorStatus:
    """Look at everything of CloudStack now, also at what was given up."""
    call.principal.require_admin()
    if not deps.settings.mirrors:
        raise Conflict(
            "no CloudStack is followed",
            resource="mirror",
            code="mirror_off",
            hint="set STOWAGE_MIRROR_API_URL: docs/how-to/mirror-cloudstack.md",
        )
    async with desk.transaction() as tx:
        await tx.run("mirror.revive")
        await ask_for_all((MirrorNoun.PLACE, *SWEPT), tx, deps)
    return await status(desk, deps)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/mirror",
        show_status,
        "Show how a CloudStack is followed",
        reply=MirrorStatus,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/mirror/entities",
        list_entities,
        "List what CloudStack told of",
        query=EntitiesQuery,
        reply=Page[MirroredEntity],
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/mirror/looks",
        list_looks,
        "List what is to be looked at, and what was given up",
        query=LooksQuery,
        reply=Looks,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/mirror/sweep",
        sweep_now,
        "Look at everything of CloudStack now",
        reply=MirrorStatus,
        status=202,
        tags=_TAGS,
    ),
)
