"""What caches hold, and why things were decided."""

from asyncpg import Record
from stowage_contracts.caching import Decision, EntryView
from stowage_contracts.messages.cache_autoscaler import (
    DecisionsListed,
    EntriesListed,
    ListDecisions,
    ListEntries,
)
from stowage_contracts.values import ObjectRef
from stowage_runtime.service import Desk

from cache_autoscaler.deps import Deps

MOST = 1000
"""Rows of one answer."""


async def on_list_entries(message: ListEntries, desk: Desk, deps: Deps) -> EntriesListed:
    """A page by id."""
    limit = min(max(1, message.limit), MOST)
    which = message.store_id, message.entry_id, message.after
    async with desk.transaction() as tx:
        rows = await tx.rows("list_entries", *which, limit + 1)
    found = tuple(entry_view(row) for row in rows[:limit])
    return EntriesListed(entries=found, next=found[-1].id if len(rows) > limit else None)


async def on_list_decisions(message: ListDecisions, desk: Desk, deps: Deps) -> DecisionsListed:
    """The newest first."""
    limit = min(max(1, message.limit), MOST)
    async with desk.transaction() as tx:
        rows = await tx.rows("list_decisions", message.subject_of, limit)
    return DecisionsListed(decisions=tuple(Decision.model_validate(dict(row)) for row in rows))


def entry_view(row: Record) -> EntryView:
    """An entry as people see it."""
    return EntryView(
        id=row["id"],
        store_id=row["store_id"],
        object=ObjectRef(kind=row["object_kind"], id=row["object_id"]),
        digest=row["digest"],
        format=row["format"],
        size=row["size"],
        state=row["state"],
        pinned_by=tuple(row["pinned_by"]),
        held_until=row["held_until"],
        hits=row["hits"],
        last_used=row["last_used"],
        created=row["created"],
    )
