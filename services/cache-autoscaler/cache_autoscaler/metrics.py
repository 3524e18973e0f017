"""What the caches count, beside what the runtime counts."""

from collections.abc import Iterable

from asyncpg import Record
from opentelemetry import metrics
from stowage_contracts.messages.cache_autoscaler import CacheAnswer

from cache_autoscaler.model.evicting import Why

_meter = metrics.get_meter("stowage")
HITS = _meter.create_counter("stowage_cache_hits", description="Copies that found a ready entry.")
MISSES = _meter.create_counter("stowage_cache_misses", description="Copies that fill an entry.")
WAITS = _meter.create_counter("stowage_cache_waits", description="Copies that were told to wait.")
UNPLACED = _meter.create_counter("stowage_cache_unplaced", description="Copies no cache can serve.")
REFILLS = _meter.create_counter(
    "stowage_cache_refills", description="Fills of what a cache had lost within a day."
)
EVICTIONS = _meter.create_counter("stowage_cache_evictions", description="Entries lost, by reason.")
EVICTED = _meter.create_counter(
    "stowage_cache_evicted", unit="By", description="Bytes of entries lost, by reason."
)
FILLED = _meter.create_counter("stowage_cache_filled", unit="By", description="Bytes of fills.")
SERVED = _meter.create_counter(
    "stowage_cache_served", unit="By", description="Bytes of entries that copies read to the end."
)
ENTRIES = _meter.create_gauge("stowage_cache_entries", description="Entries by store and state.")
BYTES = _meter.create_gauge(
    "stowage_cache_entry", unit="By", description="Bytes of entries by store and state."
)
HELD = _meter.create_gauge(
    "stowage_cache_held", unit="By", description="Bytes of entries that are held, by store."
)
PINNED = _meter.create_gauge(
    "stowage_cache_pinned", unit="By", description="Bytes of entries copies need now, by store."
)
_ANSWERS = {
    CacheAnswer.READY: HITS,
    CacheAnswer.FILL: MISSES,
    CacheAnswer.WAIT: WAITS,
    CacheAnswer.NONE: UNPLACED,
}
_STATES = ("reserved", "filling", "ready", "evicting")


def answered(answer: CacheAnswer) -> None:
    """A copy was answered for the first time, or otherwise than before."""
    _ANSWERS[answer].add(1)


def lost(why: Why, size: int) -> None:
    """An entry goes."""
    EVICTIONS.add(1, {"reason": why})
    EVICTED.add(size, {"reason": why})


def stand(rows: Iterable[Record], stores: Iterable[str]) -> None:
    """How things stand; what is no more is told as none."""
    found = {(row["store"], row["state"]): row for row in rows}
    for store in stores:
        mine = [row for (name, _), row in found.items() if name == store]
        HELD.set(sum(row["held"] for row in mine), {"store": store})
        PINNED.set(sum(row["pinned"] for row in mine), {"store": store})
        for state in _STATES:
            row = found.get((store, state))
            ENTRIES.set(row["entries"] if row else 0, {"store": store, "state": state})
            BYTES.set(row["bytes"] if row else 0, {"store": store, "state": state})
