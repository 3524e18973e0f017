"""What lies on caches: entries, their worth, and the room they take. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stowage_contracts.plugins.cache_selector import CacheCandidate
from stowage_contracts.views import CacheLoad, StoreView

FILL_BYTES_PER_SECOND = 100e6
"""What a fill is taken to have moved each second where nobody measured it."""
FILL_SECONDS = 1.0
"""What every fill costs beside its bytes: a plan, a lease, a commit."""


class EntryState(StrEnum):
    """An entry's life; an evicting one holds its bytes until the store has confirmed."""

    RESERVED = "reserved"
    FILLING = "filling"
    READY = "ready"
    EVICTING = "evicting"


@dataclass(frozen=True)
class Entry:
    """One object on one cache."""

    id: str
    digest: str
    format: str
    size: int
    state: EntryState
    pinned: bool
    fill_copy: str
    hits: int
    last_used: datetime
    fill_seconds: float | None = None
    """How long its fill took; None where nobody saw it."""
    held_until: datetime | None = None

    def held(self, now: datetime) -> bool:
        """Whether somebody wants it kept, used or not."""
        return self.held_until is not None and self.held_until > now

    def evictable(self, now: datetime) -> bool:
        """Whether nobody would miss it now."""
        return self.state is EntryState.READY and not self.pinned and not self.held(now)

    @property
    def refill_seconds(self) -> float:
        """What it would cost to have it again."""
        moving = self.size / FILL_BYTES_PER_SECOND
        return FILL_SECONDS + (moving if self.fill_seconds is None else self.fill_seconds)

    def worth(self, now: datetime) -> float:
        """Seconds of filling that a byte of it saves each second, as it was used so far."""
        idle = max(1.0, (now - self.last_used).total_seconds())
        return (1 + self.hits) / idle * self.refill_seconds / max(1, self.size)


@dataclass(frozen=True)
class Cache:
    """A cache store as placement sees it; ``limit`` bytes may be taken by entries."""

    view: StoreView
    load: CacheLoad
    schemes: tuple[str, ...]
    root: str
    limit: int
    entries: tuple[Entry, ...]
    high: float = 1.0
    """Share of ``limit`` above which it is evicted…"""
    low: float = 1.0
    """…down to this one."""

    @property
    def taken(self) -> int:
        """Bytes that entries occupy or have reserved, until their store confirmed they are gone."""
        return sum(entry.size for entry in self.entries)

    @property
    def free(self) -> int:
        """Bytes that may be reserved now."""
        return self.limit - self.taken

    @property
    def going(self) -> int:
        """Bytes on their way out."""
        return sum(e.size for e in self.entries if e.state is EntryState.EVICTING)

    def evictable(self, now: datetime) -> int:
        """Bytes that eviction could free."""
        return sum(entry.size for entry in self.entries if entry.evictable(now))

    def fits(self, size: int, now: datetime) -> bool:
        """Whether so many bytes could be placed on it, be it by eviction."""
        return size <= self.free + self.evictable(now) + self.going

    def candidate(self, now: datetime, *, holds: bool = False) -> CacheCandidate:
        """The same for a selector; its total is what entries may take."""
        used = self.taken - self.view.reserved_bytes
        view = self.view.model_copy(update={"total_bytes": self.limit, "used_bytes": used})
        room = self.evictable(now) + self.going
        return CacheCandidate(store=view, load=self.load, evictable_bytes=room, holds=holds)
