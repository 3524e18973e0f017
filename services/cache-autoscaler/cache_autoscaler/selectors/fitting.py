"""fitting: who holds it; room; load; nearness; and the cache an object's digest belongs to."""

from dataclasses import dataclass
from hashlib import blake2b
from math import log

from stowage_contracts.plugins.cache_selector import CacheAsk, CacheCandidate, CacheChoice
from stowage_contracts.values import ScopeType

from cache_autoscaler.model.pressure import utilisation

_NEAREST = tuple(reversed(ScopeType))
_LOADED = (0.5, 0.8)
"""Loads below the first are alike, and those between: an idler cache is no reason to leave home."""
_SLOW = 3.0
"""A part that takes so many times as long as on the quickest candidate weighs like more load."""
_GIB = 1 << 30


class Fitting:
    """Compares, in this order: content that is there, room without eviction, load and latency in
    three classes, narrowness of the scope; then by rendezvous hash, weighed by room, so that who
    asks for the same bytes meets the same cache and different bytes spread."""

    name = "fitting"

    def select(self, ask: CacheAsk) -> CacheChoice:
        """The best of those the object fits on."""
        told = [one.load.latency_seconds for one in ask.candidates if one.load.latency_seconds]
        quickest = min(told, default=0.0)
        views = [_View(one, ask, quickest) for one in ask.candidates]
        views.sort(key=lambda view: view.rank)
        ranked = tuple((view.of.store.id, view.words) for view in views)
        if not views or not views[0].fits:
            return CacheChoice(store_id=None, reason="it fits on none of the caches", ranked=ranked)
        best = views[0].of.store
        return CacheChoice(store_id=best.id, reason=f"{best.name} {views[0].words}", ranked=ranked)


@dataclass(frozen=True)
class _View:
    """One candidate as it is compared."""

    of: CacheCandidate
    ask: CacheAsk
    quickest: float

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int, float, str]:
        """Less is better."""
        store = self.of.store
        near = _NEAREST.index(store.scope.type)
        evicts = self.left < 0 and not self.of.holds
        return not self.fits, not self.of.holds, evicts, self.strain, near, -self.pull, store.id

    @property
    def free(self) -> int:
        store = self.of.store
        return (store.total_bytes or 0) - (store.used_bytes or 0) - store.reserved_bytes

    @property
    def left(self) -> int:
        """Free bytes after placement."""
        return self.free - (0 if self.of.holds else self.ask.size)

    @property
    def fits(self) -> bool:
        return self.of.holds or self.left + self.of.evictable_bytes >= 0

    @property
    def strain(self) -> int:
        """0 little to do, 1 busy, 2 at its limit; one more where it is slow."""
        load = utilisation(self.of.load)
        slow = self.of.load.latency_seconds > _SLOW * self.quickest
        return sum(load >= mark for mark in _LOADED) + slow

    @property
    def pull(self) -> float:
        """Weighed rendezvous hash: the highest wins; without a digest just the weight."""
        total = max(1, self.of.store.total_bytes or 1)
        room = self.left if self.left >= 0 else self.left + self.of.evictable_bytes
        weight = max(1e-6, room / total) * (1.05 - min(1.0, utilisation(self.of.load)))
        if self.ask.digest is None:
            return weight
        return -weight / log(_share(self.ask.digest, self.of.store.id))

    @property
    def words(self) -> str:
        load = self.of.load
        told = f"load {utilisation(load):.0%}, {load.streams} streams"
        if load.latency_seconds:
            told += f", {load.latency_seconds * 1000:.0f} ms a part"
        return f"{self._room}, {told}, {self.of.store.scope.type} scope, pull {self.pull:.2f}"

    @property
    def _room(self) -> str:
        if self.of.holds:
            return "holds it already"
        if not self.fits:
            return f"lacks {_gib(-self.left - self.of.evictable_bytes)}"
        if self.left < 0:
            return f"has room after evicting {_gib(-self.left)}"
        return f"keeps {_gib(self.left)} free after it"


def _share(digest: str, store_id: str) -> float:
    """Between 0 and 1, the same for ever for one object and store."""
    number = int.from_bytes(blake2b(f"{digest}/{store_id}".encode(), digest_size=8).digest())
    return (number + 1) / ((1 << 64) + 2)


def _gib(amount: int) -> str:
    return f"{amount / _GIB:.2f} GiB" if amount >= _GIB // 100 else f"{amount} bytes"
