"""Cache stores and their load."""

from stowage_contracts.message import Resource
from stowage_contracts.messages.cache_autoscaler.words import Command, Event
from stowage_contracts.views import CacheLoad, DesiredCount, StoreView


class ReportCacheLoad(Command, subject="cache/{load.store_id}"):
    """A foreign CacheLoadHigh, as the gateway hands it to the owner."""

    load: CacheLoad
    reason: str


class _CacheEvent(Event):
    state: StoreView

    @property
    def resource(self) -> Resource | None:
        return Resource(
            noun="store",
            id=self.state.id,
            state=self.state.model_dump(mode="json"),
            removed=isinstance(self, CacheRemoved | CacheRejected),
        )


class CacheAdded(_CacheEvent, subject="store/{state.id}"):
    """A cache store passed its probe and may be used."""


class CacheChanged(_CacheEvent, subject="store/{state.id}"):
    """A cache store's fill or state changed."""


class CacheRejected(_CacheEvent, subject="store/{state.id}"):
    """A cache store failed its first probe; nothing of it is kept."""


class CacheDraining(_CacheEvent, subject="store/{state.id}"):
    """No new entries; what is pinned finishes."""


class CacheRemoved(_CacheEvent, subject="store/{state.id}"):
    """A cache store is gone."""


class CacheLoadHigh(Event, subject="cache/{load.store_id}"):
    """Load rose above the high-water mark; said once per crossing."""

    load: CacheLoad
    desired: DesiredCount


class CacheLoadLow(Event, subject="cache/{load.store_id}"):
    """Load fell below the low-water mark; said once per crossing."""

    load: CacheLoad
    desired: DesiredCount
