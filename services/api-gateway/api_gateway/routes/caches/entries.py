"""What caches hold, kept or dropped by hand, and why things were decided; operators only."""

from collections.abc import Callable
from datetime import timedelta

from pydantic import Field
from stowage_contracts.caching import YEAR
from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.messages.cache_autoscaler import (
    DecisionsListed,
    EntriesListed,
    EvictEntry,
    HoldEntry,
    ListDecisions,
    ListEntries,
)
from stowage_contracts.values import Id, Instant, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given, is_id
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.orders import ask
from api_gateway.resources import reference
from api_gateway.routes.caches.fleets import CACHE_AUTOSCALER

MOST = 500
Ordering = Callable[[str, Tx], HoldEntry | EvictEntry]


class EntriesQuery(Given):
    """Which entries, and from where."""

    store_id: Id | None = None
    after: Id | None = None
    """Begin after the entry of this id: the ``next`` of the page before."""
    limit: int = Field(default=100, ge=1, le=MOST)


class DecisionsQuery(Given):
    """Which decisions."""

    subject: str = Field(default="", max_length=200)
    """``copy/…``, ``store/…``, ``entry/…``, ``cache_fleet/…`` or ``transport_vm/…``."""
    limit: int = Field(default=100, ge=1, le=MOST)


class Holding(Given):
    """How long to keep an entry."""

    seconds: float = Field(default=3600, ge=0, le=YEAR)
    """0 lets it go when it is least valuable."""


class EntryOrdered(Value):
    """What its owner was told of an entry; what came of it stands in its decisions."""

    id: Id
    held_until: Instant | None = None


async def list_entries(call: Call, desk: Desk, deps: Deps) -> EntriesListed:
    """A page of what a cache store holds, or all of them."""
    call.principal.require_admin()
    if call.query.store_id is not None:
        async with desk.transaction() as tx:
            await reference("store", call.query.store_id, call.principal, tx)
    return await ask(desk, ListEntries(**dict(call.query)), EntriesListed)


async def hold(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Keep an entry for so long, whoever uses it."""
    seconds = call.body.seconds

    def order(key: str, tx: Tx) -> HoldEntry:
        until = tx.now + timedelta(seconds=seconds) if seconds else None
        return HoldEntry(entry_id=key, until=until)

    return await _order(call, desk, deps, order)


async def evict(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Drop an entry now; refused, with a reason in its decisions, while a copy needs it."""
    return await _order(call, desk, deps, lambda key, _: EvictEntry(entry_id=key))


async def _order(call: Call, desk: Desk, deps: Deps, command: Ordering) -> Reply:
    call.principal.require_admin()
    key = call.path["id"]
    if not is_id(key):
        raise InvalidInput("not an id", resource=f"entry/{key[:64]}", code="id")
    found = await ask(desk, ListEntries(entry_id=key, limit=1), EntriesListed)

    async def make(tx: Tx) -> EntryOrdered:
        """Not asked for when it was done before, which may have ended the entry."""
        if not found.entries:
            raise NotFound("no such entry", resource=f"entry/{key}", code="entry")
        said = command(key, tx)
        await tx.say(said, to=CACHE_AUTOSCALER)
        return EntryOrdered(id=key, held_until=getattr(said, "until", None))

    return await accept(call, desk, deps, make)


async def decisions(call: Call, desk: Desk, deps: Deps) -> DecisionsListed:
    """Why things were placed, evicted, spawned or destroyed; newest first."""
    call.principal.require_admin()
    question = ListDecisions(subject_of=call.query.subject, limit=call.query.limit)
    return await ask(desk, question, DecisionsListed)


_TAGS = ("caches",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/cache-entries",
        list_entries,
        "List what caches hold",
        query=EntriesQuery,
        reply=EntriesListed,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/cache-entries/{id}/hold",
        hold,
        "Hold an entry of a cache, or let it go",
        body=Holding,
        reply=EntryOrdered,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/cache-entries/{id}/evict",
        evict,
        "Evict an entry of a cache",
        reply=EntryOrdered,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/decisions",
        decisions,
        "List what was decided of caches, and why",
        query=DecisionsQuery,
        reply=DecisionsListed,
        tags=_TAGS,
    ),
)
