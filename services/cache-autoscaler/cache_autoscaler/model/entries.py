"""What lies on caches: entries, their worth, and the room they take. Pure."""

from collections.abc import Sequence
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
class Totals:
    """Bytes of all entries of a cache, by what may become of them."""

    taken: int = 0
    """All of them, until their store confirmed they are gone."""
    going: int = 0
    """On their way out."""
    evictable: int = 0
    pinned: int = 0
    held: int = 0
    filling: int = 0

    @classmethod
    def of(cls, entries: Sequence[Entry], now: datetime) -> "Totals":
        """Of entries that are at hand."""
        fills = (EntryState.RESERVED, EntryState.FILLING)
        return cls(
            taken=sum(e.size for e in entries),
            going=sum(e.size for e in entries if e.state is EntryState.EVICTING),
            evictable=sum(e.size for e in entries if e.evictable(now)),
            pinned=sum(e.size for e in entries if e.pinned),
            held=sum(e.size for e in entries if e.held(now)),
            filling=sum(e.size for e in entries if e.state in fills),
        )


@dataclass(frozen=True)
class Cache:
    """A cache store as placement sees it; ``limit`` bytes may be taken by entries."""

    view: StoreView
    load: CacheLoad
    schemes: tuple[str, ...]
    root: str
    limit: int
    totals: Totals
    entries: tuple[Entry, ...]
    """All of them, or (``whole`` is false) only those of the object asked for."""
    high: float = 1.0
    """Share of ``limit`` above which it is evicted…"""
    low: float = 1.0
    """…down to this one."""
    whole: bool = True

    @property
    def taken(self) -> int:
        """Bytes that entries occupy or have reserved."""
        return self.totals.taken

    @property
    def free(self) -> int:
        """Bytes that may be reserved now."""
        return self.limit - self.totals.taken

    @property
    def full(self) -> bool:
        """Whether it is above its high-water mark, without what is on its way out."""
        return self.totals.taken - self.totals.going > self.limit * self.high

    def fits(self, size: int) -> bool:
        """Whether so many bytes could be placed on it, be it by eviction."""
        return size <= self.free + self.totals.evictable + self.totals.going

    def candidate(self, *, holds: bool = False) -> CacheCandidate:
        """The same for a selector; its total is what entries may take."""
        used = self.totals.taken - self.view.reserved_bytes
        view = self.view.model_copy(update={"total_bytes": self.limit, "used_bytes": used})
        room = self.totals.evictable + self.totals.going
        return CacheCandidate(store=view, load=self.load, evictable_bytes=room, holds=holds)
