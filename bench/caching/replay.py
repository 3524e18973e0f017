"""A recorded day through caches in virtual time, with the production rule of placement."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from cache_autoscaler.model.entries import Cache, Entry, EntryState, Totals
from cache_autoscaler.model.placing import Placement, Wanted
from stowage_contracts.messages.cache_autoscaler import CacheAnswer
from stowage_contracts.values import Location, Scope, StoreRole, StoreState
from stowage_contracts.views import CacheLoad, StoreView

from bench.caching.rivals import Blind, Chooser
from bench.caching.trace import GB, Wish
from bench.report import percentile

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
POLL, DELETION = 2.0, 0.5
"""Seconds until who waits asks again; until what was evicted is gone."""


@dataclass(frozen=True)
class Zone:
    """What there is of hardware."""

    caches: int = 4
    room: int = 300 * GB
    cache_rate: float = 1.0 * GB
    origin_rate: float = 1.0 * GB
    stream_rate: float = 0.3 * GB


@dataclass
class Took:
    """What a day cost."""

    waits: list[float] = field(default_factory=list)
    hits: int = 0
    fills: int = 0
    origin_bytes: int = 0
    wanted_bytes: int = 0
    evictions: int = 0
    refused: int = 0
    busiest: int = 0
    """Most streams one cache had at once."""

    def figures(self) -> dict[str, float]:
        """For the table."""
        asked = max(1, len(self.waits))
        return {
            "hit_ratio": self.hits / asked,
            "origin_tb": self.origin_bytes / 1e12,
            "byte_hit_ratio": 1 - self.origin_bytes / max(1, self.wanted_bytes),
            "p50_wait_s": percentile(self.waits, 0.5),
            "p95_wait_s": percentile(self.waits, 0.95),
            "evictions": self.evictions,
            "refused": self.refused,
            "busiest": self.busiest,
        }


@dataclass
class _Shelf:
    """One cache: entries by id, how many pin each, and who reads."""

    id: str
    entries: dict[str, Entry] = field(default_factory=dict)
    pins: dict[str, int] = field(default_factory=dict)
    streams: int = 0
    seen: tuple[Entry, ...] | None = None
    """Its entries as placement was last shown them, until one changes."""

    def put(self, entry: Entry, pin: int = 0) -> None:
        """Add or change an entry; ``pin`` more copies, or fewer, need it."""
        self.pins[entry.id] = self.pins.get(entry.id, 0) + pin
        self.entries[entry.id] = replace(entry, pinned=self.pins[entry.id] > 0)
        self.seen = None

    def drop(self, entry_id: str) -> None:
        """Its bytes are gone."""
        del self.entries[entry_id], self.pins[entry_id]
        self.seen = None

    @property
    def shown(self) -> tuple[Entry, ...]:
        """For placement."""
        self.seen = tuple(self.entries.values()) if self.seen is None else self.seen
        return self.seen


class Replay:
    """Events by time; every wish ends with its bytes read."""

    def __init__(self, zone: Zone, chooser: Chooser) -> None:
        self._zone, self._chooser, self.took = zone, chooser, Took()
        self._shelves = {f"k{n}": _Shelf(f"k{n}") for n in range(zone.caches)}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers, self._now, self._fills = count(), 0.0, 0

    def run(self, wishes: Sequence[Wish]) -> Took:
        """The whole day, and what is still under way at its end."""
        for wish in wishes:
            self._at(wish.at, partial(self._ask, wish, f"c{next(self._numbers)}", ()))
        while self._events:
            self._now, _, do = heapq.heappop(self._events)
            do()
        return self.took

    def _at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), do))

    def _ask(self, wish: Wish, copy_id: str, told: tuple[str, ...]) -> None:
        wanted = Wanted(
            copy_id=copy_id,
            digest=wish.digest,
            format="qcow2",
            size=wish.size,
            location=Location(zone_id="z1", host_id=wish.host),
            schemes=("nfs",),
            avoid=told,
        )
        placed = self._chooser.place(wanted, self._caches(), self._time)
        self._evict(placed)
        if placed.answer is CacheAnswer.NONE:
            self.took.refused += 1
        elif placed.answer is CacheAnswer.WAIT:
            kept = (placed.store_id or "",) if isinstance(self._chooser, Blind) else ()
            self._at(self._now + POLL, partial(self._ask, wish, copy_id, kept))
        elif placed.answer is CacheAnswer.READY:
            self.took.hits += 1
            self._read(wish, placed.store_id or "", placed.entry_id or "")
        else:
            self._fill(wish, copy_id, placed.store_id or "")

    def _fill(self, wish: Wish, copy_id: str, store_id: str) -> None:
        shelf, entry_id = self._shelves[store_id], f"e{next(self._numbers)}"
        entry = Entry(
            id=entry_id,
            digest=wish.digest,
            format="qcow2",
            size=wish.size,
            state=EntryState.FILLING,
            pinned=True,
            fill_copy=copy_id,
            hits=0,
            last_used=self._time,
        )
        shelf.put(entry, 1)
        self._fills += 1
        rate = min(self._zone.stream_rate, self._zone.origin_rate / self._fills)
        seconds = wish.size / rate
        self.took.fills += 1
        self.took.origin_bytes += wish.size

        def filled() -> None:
            self._fills -= 1
            entry = shelf.entries[entry_id]
            shelf.put(replace(entry, state=EntryState.READY, fill_seconds=seconds), -1)
            self._read(wish, store_id, entry_id)

        self._at(self._now + seconds, filled)

    def _read(self, wish: Wish, store_id: str, entry_id: str) -> None:
        shelf = self._shelves[store_id]
        self.took.waits.append(self._now - wish.at)
        self.took.wanted_bytes += wish.size
        entry = shelf.entries[entry_id]
        shelf.put(replace(entry, hits=entry.hits + 1, last_used=self._time), 1)
        shelf.streams += 1
        self.took.busiest = max(self.took.busiest, shelf.streams)
        rate = min(self._zone.stream_rate, self._zone.cache_rate / shelf.streams)

        def done() -> None:
            shelf.put(shelf.entries[entry_id], -1)
            shelf.streams -= 1

        self._at(self._now + wish.size / rate, done)

    def _evict(self, placed: Placement) -> None:
        shelf = self._shelves.get(placed.store_id or "")
        for entry_id in placed.evict if shelf else ():
            assert shelf is not None
            shelf.put(replace(shelf.entries[entry_id], state=EntryState.EVICTING))
            self.took.evictions += 1
            self._at(self._now + DELETION, partial(shelf.drop, entry_id))

    @property
    def _time(self) -> datetime:
        return EPOCH + timedelta(seconds=self._now)

    def _caches(self) -> list[Cache]:
        return [self._cache(shelf) for shelf in self._shelves.values()]

    def _cache(self, shelf: _Shelf) -> Cache:
        view = StoreView.model_construct(
            id=shelf.id,
            name=shelf.id,
            provider="NFS",
            role=StoreRole.IMAGE_CACHE,
            scope=Scope.zone("z1"),
            state=StoreState.UP,
            total_bytes=self._zone.room,
            used_bytes=0,
            reserved_bytes=0,
        )
        busy = min(self._zone.cache_rate, shelf.streams * self._zone.stream_rate)
        load = CacheLoad.model_construct(
            store_id=shelf.id,
            bytes_per_second=busy,
            shown_bytes_per_second=self._zone.cache_rate,
            streams=shelf.streams,
            backlog_bytes=0,
            latency_seconds=0.0,
        )
        shown = shelf.shown
        totals = Totals.of(shown, self._time)
        return Cache(view, load, ("nfs",), "", self._zone.room, totals, shown, 0.9, 0.75)
