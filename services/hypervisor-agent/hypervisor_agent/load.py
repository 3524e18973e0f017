"""What this agent's hops put on cache stores: bytes per second and streams."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stowage_contracts.values import CopyEnd, StoreRole
from stowage_contracts.views import CacheLoad

Moved = Callable[[], int]
"""Bytes a hop moved so far."""


class LoadMeter:
    """Counts per cache store between two reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streams: dict[str, list[Moved]] = defaultdict(list)
        self._finished: dict[str, int] = defaultdict(int)
        self._last: dict[str, int] = defaultdict(int)
        self._shown: dict[str, float] = defaultdict(float)
        self._at = clock()

    @contextmanager
    def moving(self, ends: tuple[CopyEnd, ...], moved: Moved) -> Iterator[None]:
        """Count a hop on those of its ends that are caches."""
        caches = [end.store_id for end in ends if end.role is StoreRole.IMAGE_CACHE]
        names = [name for name in caches if name is not None]
        for name in names:
            self._streams[name].append(moved)
        try:
            yield
        finally:
            for name in names:
                self._streams[name].remove(moved)
                self._finished[name] += moved()

    def report(self) -> tuple[CacheLoad, ...]:
        """Load since the last report, of every cache used in that time."""
        now = self._clock()
        passed, self._at = max(now - self._at, 1e-6), now
        return tuple(
            load for name in sorted(self._streams) if (load := self._load(name, passed)) is not None
        )

    def _load(self, name: str, passed: float) -> CacheLoad | None:
        total = self._finished[name] + sum(moved() for moved in self._streams[name])
        rate = (total - self._last[name]) / passed
        self._last[name] = total
        if not self._streams[name] and not rate:
            del self._streams[name]  # the report before this one said the last bytes
        self._shown[name] = max(self._shown[name], rate)
        return CacheLoad(
            store_id=name,
            bytes_per_second=rate,
            shown_bytes_per_second=self._shown[name],
            streams=len(self._streams.get(name, ())),
        )
