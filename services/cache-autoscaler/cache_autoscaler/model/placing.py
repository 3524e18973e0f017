"""Where a copy's bytes are, or go, and what makes room for them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from stowage_contracts.errors import Conflict
from stowage_contracts.messages.cache_autoscaler import CacheAnswer
from stowage_contracts.plugins.cache_selector import CacheAsk, CacheChoice, CacheSelector
from stowage_contracts.values import Location, StoreState

from cache_autoscaler.model.entries import Cache, Entry, EntryState
from cache_autoscaler.model.evicting import Why, surplus, victims
from cache_autoscaler.model.pressure import utilisation

SPREAD_ABOVE, SPREAD_BELOW = 0.9, 0.5
"""An object whose every cache carries more than the first is filled once more on one that carries
less than the second: else one wanted by hundreds of hosts is served by one cache for ever."""
DAMAGES = 2
"""A cache that damaged the same object so often of late is not given it again."""


@dataclass(frozen=True)
class Wanted:
    """Space asked for; ``roots`` are the reader's, None where nobody told."""

    copy_id: str
    digest: str
    format: str
    size: int
    location: Location
    schemes: tuple[str, ...]
    """Empty for a prefetch, which nobody reads yet."""
    roots: tuple[str, ...] | None = None
    avoid: tuple[str, ...] = ()
    """Cache stores on which it failed before: used only where no other can serve."""
    damages: Mapping[str, int] = field(default_factory=dict)
    """How often each cache store damaged this very object of late."""


@dataclass(frozen=True)
class Placement:
    """The answer: FILL without an entry makes a new one; ``evict`` goes to make room."""

    answer: CacheAnswer
    reason: str
    store_id: str | None = None
    entry_id: str | None = None
    evict: tuple[str, ...] = ()
    why: Why = Why.ROOM
    ranked: tuple[tuple[str, str], ...] = ()
    """Every cache that was thought of, best first, with what counted for or against it."""
    part_of: str = ""
    """The cache whose entries must all be known before this can be said: some may have to go."""
    useless: frozenset[str] | None = None
    """Where no cache store can take it now, what a fleet might change: those that were in use and
    of no help."""

    @property
    def details(self) -> dict[str, Any]:
        """What is kept beside the reason."""
        told = [{"store_id": store_id, "words": words} for store_id, words in self.ranked]
        return {"store_id": self.store_id, "ranked": told, "evicts": list(self.evict)}


@dataclass(frozen=True)
class _Scene:
    """One question and what it is asked of."""

    wanted: Wanted
    near: tuple[Cache, ...]
    left_out: tuple[tuple[str, str], ...]
    selector: CacheSelector
    now: datetime

    def choose(self, caches: Sequence[Cache], *, holds: bool = False) -> CacheChoice:
        """What the selector says; raises Conflict when it names a store it was not shown."""
        wanted = self.wanted
        choice = self.selector.select(
            CacheAsk(
                size=0 if holds else wanted.size,
                location=wanted.location,
                digest=wanted.digest,
                candidates=tuple(c.candidate(holds=holds) for c in caches),
            )
        )
        if choice.store_id not in {None, *(cache.view.id for cache in caches)}:
            raise Conflict(f"the cache selector chose {choice.store_id}", code="cache_selector")
        return choice

    def others(self, choice: CacheChoice) -> tuple[tuple[str, str], ...]:
        """The selector's ranks, then what was left out before it was asked."""
        return (*choice.ranked, *self.left_out)


def place(
    wanted: Wanted, caches: Sequence[Cache], selector: CacheSelector, now: datetime
) -> Placement:
    """Where a copy's bytes are, or go. Raises Conflict when the selector names a foreign store."""
    left_out = {cache.view.id: _why_not(wanted, cache) for cache in caches}
    near = tuple(cache for cache in caches if not left_out[cache.view.id])
    told = tuple((cache.view.id, why) for cache in caches if (why := left_out[cache.view.id]))
    if not near:
        return _nowhere(wanted, caches, told)
    scene = _Scene(wanted, near, told, selector, now)
    return _elsewhere(scene) or _somewhere(scene)


def _somewhere(scene: _Scene) -> Placement:
    return _there_already(scene) or _too_full(scene) or _chosen(scene, _able(scene))


def _elsewhere(scene: _Scene) -> Placement | None:
    """On a cache that has not failed this copy; None where there is none with room."""
    fresh = tuple(cache for cache in scene.near if cache.view.id not in scene.wanted.avoid)
    if len(fresh) == len(scene.near):
        return None
    failed = ((one, "it failed this copy before") for one in scene.wanted.avoid)
    scene = replace(scene, near=fresh, left_out=(*scene.left_out, *failed))
    able = _able(scene)
    return _there_already(scene) or (_chosen(scene, able) if able else None)


def _nowhere(
    wanted: Wanted, caches: Sequence[Cache], told: tuple[tuple[str, str], ...]
) -> Placement:
    """None serves; where that is only because they do not work now, it is waited for."""
    names, useless = {cache.view.id: cache.view.name for cache in caches}, _in_use(caches)
    why = "; ".join(f"{names[one]}: {words}" for one, words in told) or "there is no cache store"
    for cache in caches:
        if cache.view.state is StoreState.DEGRADED and not _cannot(wanted, cache):
            wait = CacheAnswer.WAIT
            return Placement(wait, why, cache.view.id, ranked=told, useless=useless)
    return Placement(CacheAnswer.NONE, why, ranked=told, useless=useless)


def _in_use(caches: Sequence[Cache]) -> frozenset[str]:
    return frozenset(cache.view.id for cache in caches if cache.view.state.writable)


def _why_not(wanted: Wanted, cache: Cache) -> str:
    """Why a cache can't serve now; '' when it can."""
    state = cache.view.state
    return _cannot(wanted, cache) or ("" if state.writable else f"is {state}")


def _cannot(wanted: Wanted, cache: Cache) -> str:
    """Why it could not even if it worked."""
    if not cache.view.scope.covers(wanted.location):
        return f"does not reach the host (scope {cache.view.scope.type})"
    common = set(wanted.schemes or cache.schemes) & set(cache.schemes)
    if not common:
        return f"the host cannot read {' or '.join(cache.schemes)}"
    if common == {"file"} and wanted.roots is not None and not _sees(wanted.roots, cache.root):
        return f"the host does not see {cache.root}"
    if wanted.damages.get(cache.view.id, 0) >= DAMAGES:
        return "it damaged this object again and again"
    return ""


def _sees(roots: tuple[str, ...], root: str) -> bool:
    return any(PurePosixPath(root).is_relative_to(allowed) for allowed in roots)


def _there_already(scene: _Scene) -> Placement | None:
    wanted = scene.wanted
    found = [
        (cache, entry)
        for cache in scene.near
        for entry in cache.entries
        if (entry.digest, entry.format) == (wanted.digest, wanted.format)
        and entry.state is not EntryState.EVICTING
    ]
    for cache, entry in found:
        if entry.state is not EntryState.READY and entry.fill_copy == wanted.copy_id:
            return Placement(CacheAnswer.FILL, "this copy fills it", cache.view.id, entry.id)
    ready = {cache.view.id: (cache, entry) for cache, entry in found if entry.state == "ready"}
    if ready:
        spread = _spread(scene, [cache for cache, _ in ready.values()], len(found) > len(ready))
        return spread or _read(scene, ready)
    if found:
        cache, entry = found[0]
        reason = f"copy {entry.fill_copy} fills it on {cache.view.name}"
        return Placement(CacheAnswer.WAIT, reason, cache.view.id, entry.id)
    return None


def _read(scene: _Scene, ready: Mapping[str, tuple[Cache, Entry]]) -> Placement:
    choice = scene.choose([cache for cache, _ in ready.values()], holds=True)
    cache, entry = ready.get(choice.store_id or "") or next(iter(ready.values()))
    ranked = scene.others(choice)
    return Placement(CacheAnswer.READY, choice.reason, cache.view.id, entry.id, ranked=ranked)


def _spread(scene: _Scene, holders: Sequence[Cache], filling: bool) -> Placement | None:
    """One more fill, where who holds it is at its limit and another has room and little to do."""
    if filling or min(utilisation(cache.load) for cache in holders) < SPREAD_ABOVE:
        return None
    idle = [
        cache
        for cache in scene.near
        if cache not in holders
        and cache.limit * cache.high - cache.taken >= scene.wanted.size
        and utilisation(cache.load) < SPREAD_BELOW
    ]
    return _chosen(scene, idle) if idle else None


def _able(scene: _Scene) -> list[Cache]:
    return [cache for cache in scene.near if cache.fits(scene.wanted.size)]


def _too_full(scene: _Scene) -> Placement | None:
    wanted = scene.wanted
    large = [cache for cache in scene.near if wanted.size <= cache.limit]
    if not large:
        largest = max(cache.limit for cache in scene.near)
        reason = f"{wanted.size} bytes are more than any cache holds ({largest})"
        useless, told = _in_use(scene.near), scene.left_out
        return Placement(CacheAnswer.NONE, reason, ranked=told, useless=useless)
    if _able(scene):
        return None
    names = ", ".join(cache.view.name for cache in large)
    ranked = tuple((cache.view.id, _why_full(cache)) for cache in large) + scene.left_out
    what = (
        "pinned, held or being filled"
        if any(cache.totals.held for cache in large)
        else "pinned or being filled"
    )
    reason = f"{names}: all space is {what}"
    return Placement(CacheAnswer.WAIT, reason, large[0].view.id, ranked=ranked)


def _why_full(cache: Cache) -> str:
    all_of = cache.totals
    return (
        f"{cache.free} bytes free of {cache.limit}; {all_of.pinned} pinned ({all_of.filling} of "
        f"them being filled), {all_of.held} held"
    )


def _chosen(scene: _Scene, able: Sequence[Cache]) -> Placement:
    wanted, now = scene.wanted, scene.now
    choice = scene.choose(able)
    ranked = scene.others(choice)
    by_id = {cache.view.id: cache for cache in able}
    if choice.store_id is None:
        return Placement(CacheAnswer.WAIT, choice.reason, next(iter(by_id)), ranked=ranked)
    cache = by_id[choice.store_id]
    above = cache.taken - cache.totals.going + wanted.size > cache.limit * cache.high
    if above and not cache.whole:
        return Placement(CacheAnswer.WAIT, choice.reason, cache.view.id, part_of=cache.view.id)
    if wanted.size <= cache.free:
        gone = tuple(entry.id for entry in surplus(cache, now, wanted.size))
        fill = CacheAnswer.FILL
        return Placement(fill, choice.reason, cache.view.id, None, gone, Why.MARK, ranked)
    taken = victims(cache.entries, wanted.size - cache.free - cache.totals.going, now)
    evict = tuple(entry.id for entry in taken)
    reason = f"{cache.view.name}: making room, {len(evict)} more entries are evicted"
    return Placement(CacheAnswer.WAIT, reason, cache.view.id, evict=evict, ranked=ranked)
