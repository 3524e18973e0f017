"""Readers, messages and inboxes the bus suite speaks with."""

from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved, ReserveCache
from stowage_contracts.messages.data_motion import CopyProgressed, HopCommitFailed
from stowage_contracts.messages.hypervisor_agent import Heartbeat, ObjectInspected
from stowage_contracts.messages.image_store import AddZone, CapacityWarning
from stowage_contracts.values import (
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    ServiceName,
    Transfer,
    new_id,
)

from stowage_runtime.bus import Reader
from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.testing.eventually import eventually

LIMITS = BusLimits(
    ladder=(0.05, 0.1),
    deliveries=4,
    prefetch=20,
    parallel=4,
    confirm_seconds=5,
    connect_seconds=3,
    stop_seconds=1,
    signal_length=10,
)
OWNER, OTHER = ServiceName.IMAGE_STORE.value, ServiceName.API_GATEWAY.value
CACHE, MOTION = ServiceName.CACHE_AUTOSCALER.value, ServiceName.DATA_MOTION.value
STORE = Reader(OWNER, durable=(AddZone, ObjectInspected, HopCommitFailed))
GATEWAY = Reader(OTHER, durable=(CapacityWarning,), signals=(CopyProgressed, Heartbeat))
CACHES = Reader(
    CACHE, durable=(CapacityWarning,), requests=(ReserveCache,), signals=(CopyProgressed,)
)


class Inbox:
    """Remembers what was delivered; fails as told first."""

    def __init__(self, *failures: Exception) -> None:
        self.got: list[Envelope] = []
        self._failures = list(failures)

    async def __call__(self, envelope: Envelope) -> None:
        self.got.append(envelope)
        if self._failures:
            raise self._failures.pop(0)

    @property
    def ids(self) -> list[str]:
        return [envelope.id for envelope in self.got]

    async def has(self, count: int, seconds: float = 10) -> list[Envelope]:
        """Wait for that many deliveries."""
        await eventually(lambda: len(self.got) >= count, seconds)
        return self.got


def command(zone: str = "") -> Envelope:
    """A command for image-store."""
    return Envelope.of(AddZone(zone_id=zone or new_id(), name="zone"), source=OTHER)


def event(store: str = "") -> Envelope:
    """An event of image-store."""
    word = CapacityWarning(store_id=store or new_id(), used_bytes=9, total_bytes=10)
    return Envelope.of(word, source=OWNER)


def question() -> Envelope:
    """A request for cache-autoscaler."""
    word = ReserveCache(
        copy_id=new_id(),
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t1"),
        digest="md5:" + "0" * 32,
        size=1,
        format=ImageFormat.RAW,
        location=Location(),
        schemes=("file",),
    )
    return Envelope.of(word, source=MOTION)


def answered(asked: Envelope) -> Envelope:
    """The reply to ``question``."""
    word = CacheReserved(copy_id=asked.data["copy_id"], answer=CacheAnswer.NONE, reason="none")
    return Envelope.of(word, source=CACHE)


def progress(done: int = 0) -> Envelope:
    """A signal of data-motion."""
    word = CopyProgressed(copy_id="c1", state="running", transfer=Transfer(bytes_done=done))
    return Envelope.of(word, source=MOTION)


def done_of(signal: Envelope) -> int:
    """The bytes done it tells."""
    return int(signal.data["transfer"]["bytes_done"])
