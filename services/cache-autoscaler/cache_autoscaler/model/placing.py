"""The rules of caching: where a copy's bytes go, what makes room, when load is high. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath

from stowage_contracts.errors import Conflict
from stowage_contracts.messages.cache_autoscaler import CacheAnswer
from stowage_contracts.plugins.cache_selector import CacheAsk, CacheCandidate, CacheSelector
from stowage_contracts.values import Location
from stowage_contracts.views import CacheLoad, StoreView


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

    @property
    def evictable(self) -> bool:
        """Whether nobody would miss it now."""
        return self.state is EntryState.READY and not self.pinned

    def worth(self, now: datetime) -> float:
        """Uses per second since the last one: what costs as much to fetch again per byte."""
        return (1 + self.hits) / max(1.0, (now - self.last_used).total_seconds())


@dataclass(frozen=True)
class Cache:
    """A cache store as placement sees it; ``limit`` bytes may be held by entries."""

    view: StoreView
    load: CacheLoad
    schemes: tuple[str, ...]
    root: str
    limit: int
    entries: tuple[Entry, ...]

    @property
    def held(self) -> int:
        """Bytes that entries occupy or have reserved, until their store confirmed they are gone."""
        return sum(entry.size for entry in self.entries)

    @property
    def free(self) -> int:
        """Bytes that may be reserved now."""
        return self.limit - self.held

    @property
    def evictable(self) -> int:
        """Bytes that eviction could free."""
        return sum(entry.size for entry in self.entries if entry.evictable)

    @property
    def going(self) -> int:
        """Bytes on their way out."""
        return sum(e.size for e in self.entries if e.state is EntryState.EVICTING)

    def candidate(self, *, holds: bool) -> CacheCandidate:
        """The same for a selector; its total is what entries may take."""
        used = self.held - self.view.reserved_bytes
        view = self.view.model_copy(update={"total_bytes": self.limit, "used_bytes": used})
        return CacheCandidate(
            store=view, load=self.load, evictable_bytes=self.evictable + self.going, holds=holds
        )


@dataclass(frozen=True)
class Wanted:
    """Space asked for; ``roots`` are the reader's, None where nobody told."""

    copy_id: str
    digest: str
    format: str
    size: int
    location: Location
    schemes: tuple[str, ...]
    roots: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Placement:
    """The answer: FILL without an entry makes a new one; ``evict`` goes to make room."""

    answer: CacheAnswer
    reason: str
    store_id: str | None = None
    entry_id: str | None = None
    evict: tuple[str, ...] = ()


def place(
    wanted: Wanted, caches: Sequence[Cache], selector: CacheSelector, now: datetime
) -> Placement:
    """Where a copy's bytes are, or go. Raises Conflict when the selector names a foreign store."""
    near = [cache for cache in caches if not _why_not(wanted, cache)]
    if not near:
        told = "; ".join(f"{c.view.name}: {_why_not(wanted, c)}" for c in caches)
        return Placement(CacheAnswer.NONE, told or "there is no cache store")
    return (
        _there_already(wanted, near, selector)
        or _too_full(wanted, near)
        or _chosen(wanted, near, selector, now)
    )


def victims(entries: Iterable[Entry], need: int, now: datetime) -> tuple[Entry, ...]:
    """The least valuable unpinned entries that free ``need`` bytes; none if they can't."""
    taken: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (e.worth(now), e.id)):
        if need > 0 and entry.evictable:
            taken.append(entry)
            need -= entry.size
    return tuple(taken) if need <= 0 else ()


def surplus(cache: Cache, high: float, low: float, now: datetime) -> tuple[Entry, ...]:
    """What to evict from a cache above its high-water mark, to come as near the low as pins let."""
    staying = cache.held - cache.going
    if staying <= cache.limit * high:
        return ()
    need = staying - int(cache.limit * low)
    return victims(cache.entries, min(need, cache.evictable), now)


def _why_not(wanted: Wanted, cache: Cache) -> str:
    """Why a cache can't serve; '' when it can."""
    if not cache.view.state.writable:
        return f"is {cache.view.state}"
    if not cache.view.scope.covers(wanted.location):
        return f"does not reach the host (scope {cache.view.scope.type})"
    common = set(wanted.schemes) & set(cache.schemes)
    if not common:
        return f"the host cannot read {' or '.join(cache.schemes)}"
    if common == {"file"} and wanted.roots is not None and not _sees(wanted.roots, cache.root):
        return f"the host does not see {cache.root}"
    return ""


def _sees(roots: tuple[str, ...], root: str) -> bool:
    return any(PurePosixPath(root).is_relative_to(allowed) for allowed in roots)


def _there_already(
    wanted: Wanted, near: Sequence[Cache], selector: CacheSelector
) -> Placement | None:
    found = [
        (cache, entry)
        for cache in near
        for entry in cache.entries
        if (entry.digest, entry.format) == (wanted.digest, wanted.format)
        and entry.state is not EntryState.EVICTING
    ]
    for cache, entry in found:
        if entry.state is not EntryState.READY and entry.fill_copy == wanted.copy_id:
            return Placement(CacheAnswer.FILL, "this copy fills it", cache.view.id, entry.id)
    ready = {cache.view.id: (cache, entry) for cache, entry in found if entry.state == "ready"}
    if ready:
        holders = [cache.candidate(holds=True) for cache, _ in ready.values()]
        ask = CacheAsk(size=0, location=wanted.location, candidates=tuple(holders))
        choice = selector.select(ask)
        cache, entry = ready.get(choice.store_id or "") or next(iter(ready.values()))
        return Placement(CacheAnswer.READY, choice.reason, cache.view.id, entry.id)
    if found:
        cache, entry = found[0]
        reason = f"copy {entry.fill_copy} fills it on {cache.view.name}"
        return Placement(CacheAnswer.WAIT, reason, cache.view.id, entry.id)
    return None


def _too_full(wanted: Wanted, near: Sequence[Cache]) -> Placement | None:
    large = [cache for cache in near if wanted.size <= cache.limit]
    if not large:
        largest = max(cache.limit for cache in near)
        return Placement(
            CacheAnswer.NONE, f"{wanted.size} bytes are more than any cache holds ({largest})"
        )
    if not any(_fits(wanted, cache) for cache in large):
        names = ", ".join(cache.view.name for cache in large)
        return Placement(
            CacheAnswer.WAIT, f"{names}: all space is pinned or being filled", large[0].view.id
        )
    return None


def _fits(wanted: Wanted, cache: Cache) -> bool:
    return wanted.size <= cache.free + cache.evictable + cache.going


def _chosen(
    wanted: Wanted, near: Sequence[Cache], selector: CacheSelector, now: datetime
) -> Placement:
    able = {cache.view.id: cache for cache in near if _fits(wanted, cache)}
    candidates = tuple(cache.candidate(holds=False) for cache in able.values())
    choice = selector.select(
        CacheAsk(size=wanted.size, location=wanted.location, candidates=candidates)
    )
    if choice.store_id is None:
        return Placement(CacheAnswer.WAIT, choice.reason, next(iter(able)))
    if choice.store_id not in able:
        raise Conflict(f"the cache selector chose {choice.store_id}", code="cache_selector")
    cache = able[choice.store_id]
    if wanted.size <= cache.free:
        return Placement(CacheAnswer.FILL, choice.reason, cache.view.id)
    evict = victims(cache.entries, wanted.size - cache.free - cache.going, now)
    reason = f"{cache.view.name}: making room, {len(evict)} more entries are evicted"
    return Placement(CacheAnswer.WAIT, reason, cache.view.id, evict=tuple(e.id for e in evict))
