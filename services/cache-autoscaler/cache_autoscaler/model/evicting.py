"""What makes room: the least valuable entries nobody pins or holds. Pure."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from cache_autoscaler.model.entries import Cache, Entry


class Why(StrEnum):
    """Why an entry goes; counted, and shown to people."""

    ROOM = "room"
    """A copy needs its space."""
    MARK = "mark"
    """The cache is above its high-water mark."""
    DRAIN = "drain"
    """The cache store is being removed."""
    UNFILLED = "unfilled"
    """The copy that filled it ended, or went silent."""
    ASKED = "asked"
    """An operator said so."""
    DAMAGED = "damaged"
    """Its bytes were not those of its digest."""
    VANISHED = "vanished"
    """The store has it no more."""


def victims(entries: Iterable[Entry], need: int, now: datetime) -> tuple[Entry, ...]:
    """The least valuable evictable entries that free ``need`` bytes; none if they can't."""
    taken: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (e.worth(now), e.id)):
        if need > 0 and entry.evictable(now):
            taken.append(entry)
            need -= entry.size
    return tuple(taken) if need <= 0 else ()


def surplus(cache: Cache, now: datetime, more: int = 0) -> tuple[Entry, ...]:
    """What to evict from a cache that is, or with ``more`` bytes will be, above its high-water
    mark, to come as near the low one as pins let."""
    staying = cache.taken - cache.totals.going + more
    if staying <= cache.limit * cache.high:
        return ()
    need = staying - int(cache.limit * cache.low)
    return victims(cache.entries, min(need, cache.totals.evictable), now)
