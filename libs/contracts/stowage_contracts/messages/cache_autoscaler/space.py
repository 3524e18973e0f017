"""Space on cache stores: promised to copies, held for askers, listed, explained."""

from enum import StrEnum

from stowage_contracts.caching import Decision, EntryView
from stowage_contracts.messages.cache_autoscaler.words import Command, Reply, Request
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    Id,
    ImageFormat,
    Instant,
    Location,
    ObjectRef,
)


class ReserveCache(Request, subject="copy/{copy_id}"):
    """Ask for space (or a ready entry) on a cache store; idempotent per copy."""

    copy_id: Id
    object: ObjectRef
    digest: Digest
    size: Bytes
    format: ImageFormat
    location: Location
    schemes: tuple[str, ...]
    """Transport schemes the reader of the cache can open; empty for a prefetch, which nobody reads
    yet."""
    hold_seconds: float = 0
    """A prefetch: the entry is held for so long after it is ready."""
    avoid: tuple[Id, ...] = ()
    """Cache stores on which it failed: used again only where no other can serve, and nothing is
    held for this copy there any more."""


class CacheAnswer(StrEnum):
    """What the cache can do for a copy."""

    READY = "ready"
    FILL = "fill"
    WAIT = "wait"
    NONE = "none"


class CacheReserved(Reply, subject="copy/{copy_id}"):
    """READY: read ``source``. FILL: write ``destination``, then read ``source``. WAIT: ask again
    (somebody fills it, or all space is pinned). NONE: no cache store in scope."""

    copy_id: Id
    answer: CacheAnswer
    reason: str
    entry_id: Id | None = None
    source: CopyEnd | None = None
    destination: CopyEnd | None = None


class HoldEntry(Command, subject="entry/{entry_id}"):
    """Keep an entry until then, whoever uses it; None lets it go when it is least valuable."""

    entry_id: Id
    until: Instant | None = None


class EvictEntry(Command, subject="entry/{entry_id}"):
    """Drop an entry now; refused, with a reason in its decisions, while a copy needs it."""

    entry_id: Id


class ListEntries(Request, subject="entry/list"):
    """What caches hold, by id; of one store or of all, or one entry alone."""

    store_id: Id | None = None
    entry_id: Id | None = None
    after: Id | None = None
    limit: int = 100


class EntriesListed(Reply, subject="entry/list"):
    """A page of entries; ``next`` asks for the one after it."""

    entries: tuple[EntryView, ...]
    next: Id | None = None


class ListDecisions(Request, subject="decision/list"):
    """Why things were placed, evicted, spawned or destroyed; newest first."""

    subject_of: str = ""
    """``copy/…``, ``store/…``, ``entry/…``, ``cache_fleet/…`` or ``transport_vm/…``; all when
    empty."""
    limit: int = 100


class DecisionsListed(Reply, subject="decision/list"):
    """The newest decisions."""

    decisions: tuple[Decision, ...]
