"""free-space-then-load: the cache with most room left, then the less busy, then the nearer."""

from stowage_contracts.plugins.cache_selector import CacheAsk, CacheCandidate, CacheChoice
from stowage_contracts.values import ScopeType

from cache_autoscaler.model.pressure import utilisation

_NEAREST = tuple(reversed(ScopeType))


class FreeSpaceThenLoad:
    """Compares room in tenths, so that load decides between caches about equally full."""

    name = "free-space-then-load"

    def select(self, ask: CacheAsk) -> CacheChoice:
        """The best of those the object fits on."""
        fitting = [one for one in ask.candidates if one.holds or ask.size <= _room(one)]
        if not fitting:
            return CacheChoice(store_id=None, reason="it fits on none of the caches")
        best = min(fitting, key=lambda one: (*_rank(one, ask.size), one.store.id))
        return CacheChoice(store_id=best.store.id, reason=_why(best, ask.size))


def _free(one: CacheCandidate) -> int:
    used = (one.store.used_bytes or 0) + one.store.reserved_bytes
    return (one.store.total_bytes or 0) - used


def _room(one: CacheCandidate) -> int:
    return _free(one) + one.evictable_bytes


def _rank(one: CacheCandidate, size: int) -> tuple[bool, bool, int, float, int]:
    left = _free(one) - size
    tenths = -(10 * left) // max(1, one.store.total_bytes or 1)
    nearness = _NEAREST.index(one.store.scope.type)
    return not one.holds, left < 0, tenths, round(utilisation(one.load), 1), nearness


def _why(one: CacheCandidate, size: int) -> str:
    name, load = one.store.name, f"load {utilisation(one.load):.0%}"
    if one.holds:
        return f"{name} holds it already, {load}"
    left = _free(one) - size
    if left < 0:
        return f"{name} has room after evicting {-left} bytes, {load}"
    return f"{name} keeps {left} bytes free after it, {load}"
