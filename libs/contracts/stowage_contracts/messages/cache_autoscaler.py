"""What cache-autoscaler hears and says: cache stores, space on them, load."""

from enum import StrEnum

from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    Id,
    ImageFormat,
    Location,
    ObjectRef,
    ServiceName,
)
from stowage_contracts.views import CacheLoad, DesiredCount, StoreView


class _Event(Message):
    kind = Kind.EVENT
    owner = ServiceName.CACHE_AUTOSCALER


class ReserveCache(Message, subject="copy/{copy_id}"):
    """Ask for space (or a ready entry) on a cache store; idempotent per copy."""

    kind = Kind.REQUEST
    owner = ServiceName.CACHE_AUTOSCALER

    copy_id: Id
    object: ObjectRef
    digest: Digest
    size: Bytes
    format: ImageFormat
    location: Location
    schemes: tuple[str, ...]
    """Transport schemes the reader of the cache can open."""


class CacheAnswer(StrEnum):
    """What the cache can do for a copy."""

    READY = "ready"
    FILL = "fill"
    WAIT = "wait"
    NONE = "none"


class CacheReserved(Message, subject="copy/{copy_id}"):
    """READY: read ``source``. FILL: write ``destination``, then read ``source``. WAIT: ask again
    (somebody fills it, or all space is pinned). NONE: no cache store in scope."""

    kind = Kind.REPLY
    owner = ServiceName.CACHE_AUTOSCALER

    copy_id: Id
    answer: CacheAnswer
    reason: str
    entry_id: Id | None = None
    source: CopyEnd | None = None
    destination: CopyEnd | None = None


class ReportCacheLoad(Message, subject="cache/{load.store_id}"):
    """A foreign CacheLoadHigh, as the gateway hands it to the owner."""

    kind = Kind.COMMAND
    owner = ServiceName.CACHE_AUTOSCALER

    load: CacheLoad
    reason: str


class _CacheEvent(_Event):
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


class CacheLoadHigh(_Event, subject="cache/{load.store_id}"):
    """Load rose above the high-water mark; said once per crossing."""

    load: CacheLoad
    desired: DesiredCount


class CacheLoadLow(_Event, subject="cache/{load.store_id}"):
    """Load fell below the low-water mark; said once per crossing."""

    load: CacheLoad
    desired: DesiredCount
