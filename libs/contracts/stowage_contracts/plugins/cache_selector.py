"""CacheSelector: which cache store a staging hop uses."""

from typing import Protocol

from stowage_contracts.values import Bytes, Digest, Id, Location, Value
from stowage_contracts.views import CacheLoad, StoreView


class CacheCandidate(Value):
    """A cache store in scope and its load; ``evictable_bytes`` are unpinned entries."""

    store: StoreView
    load: CacheLoad
    evictable_bytes: Bytes = 0
    holds: bool = False
    """The wanted object is on it already."""


class CacheAsk(Value):
    """Space wanted for one object."""

    size: Bytes
    location: Location
    digest: Digest | None = None
    """Of the object: who asks for the same bytes again should meet the same cache."""
    candidates: tuple[CacheCandidate, ...]


class CacheChoice(Value):
    """The store chosen (None: none fits) and why each was ranked so."""

    store_id: Id | None
    reason: str
    ranked: tuple[tuple[Id, str], ...] = ()
    """Every candidate, best first, with what counted for or against it."""


class CacheSelector(Protocol):
    """One policy (entry-point group ``stowage.cache_selector``); pure."""

    name: str

    def select(self, ask: CacheAsk) -> CacheChoice:
        """Choose among ``ask.candidates``."""
        ...
