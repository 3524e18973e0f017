"""How a cache is chosen: ours, and as CloudStack did and does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol

from cache_autoscaler.model.entries import Cache
from cache_autoscaler.model.placing import Placement, Wanted, place
from cache_autoscaler.selectors.fitting import Fitting
from stowage_contracts.plugins.cache_selector import CacheAsk, CacheCandidate, CacheChoice


class Chooser(Protocol):
    """Places one wish."""

    @property
    def who(self) -> str:
        """Its name in the table."""
        ...

    def place(self, wanted: Wanted, caches: Sequence[Cache], now: datetime) -> Placement:
        """By the production rule, whatever is shown to it."""
        ...


@dataclass
class Ours:
    """The service's own rule with its default selector."""

    who: str = "stowage"

    def place(self, wanted: Wanted, caches: Sequence[Cache], now: datetime) -> Placement:
        """As the service does."""
        return place(wanted, caches, Fitting(), now)


@dataclass
class AnyOf:
    """A random cache with room, unless one holds it: our rule with a coin for a selector."""

    random: Random
    who: str = "random, content first"
    name: str = "random"

    def place(self, wanted: Wanted, caches: Sequence[Cache], now: datetime) -> Placement:
        """Content is looked for everywhere."""
        return place(wanted, caches, self, now)

    def select(self, ask: CacheAsk) -> CacheChoice:
        """Any of them."""
        one = self.random.choice(ask.candidates)
        return CacheChoice(store_id=one.store.id, reason="by chance")


@dataclass
class Blind:
    """CloudStack's ``createCacheObject``: the store is chosen before its content is looked at; in
    4.2 the first of a shuffled list, today the one with most room."""

    random: Random
    shuffles: bool

    @property
    def who(self) -> str:
        """Which of the two."""
        return "CloudStack 4.2 (random)" if self.shuffles else "CloudStack (most free)"

    def place(self, wanted: Wanted, caches: Sequence[Cache], now: datetime) -> Placement:
        """Only the chosen one is shown; who waits is not sent elsewhere."""
        by_id = {cache.view.id: cache for cache in caches}
        if wanted.avoid:
            chosen = by_id[wanted.avoid[0]]
        elif self.shuffles:
            chosen = self.random.choice(list(caches))
        else:
            chosen = max(caches, key=lambda cache: (cache.free, cache.view.id))
        asked = Wanted(**{**vars(wanted), "avoid": ()})
        return place(asked, [chosen], _Only(), now)


class _Only:
    name = "only"

    def select(self, ask: CacheAsk) -> CacheChoice:
        """The one there is."""
        one: CacheCandidate = ask.candidates[0]
        return CacheChoice(store_id=one.store.id, reason="chosen before")
