"""What this agent's hops put on cache stores, and how those took it."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stowage_contracts.values import CopyEnd, StoreRole
from stowage_contracts.views import CacheLoad

from hypervisor_agent.engine.progress import Meter, Pace
from hypervisor_agent.spaces import Spaces


@dataclass
class _Use:
    """One cache store."""

    streams: list[tuple[Meter, Pace]] = field(default_factory=list)
    ended: list[Pace] = field(default_factory=list)
    """Of hops that ended since the last report."""
    finished: int = 0
    last: int = 0
    latency: float = 0.0

    def total(self) -> int:
        """Bytes all its hops moved."""
        return self.finished + sum(meter.arriving() for meter, _ in self.streams)


class LoadMeter:
    """Counts per cache store between two reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.spaces = Spaces(clock)
        self._clock = clock
        self._uses: dict[str, _Use] = {}
        self._shown: dict[str, float] = defaultdict(float)
        self._at = clock()

    @contextmanager
    def moving(self, ends: tuple[CopyEnd, CopyEnd], meter: Meter) -> Iterator[None]:
        """Count a hop on those of its ends, source and destination, that are caches."""
        paces = (meter.reading, meter.writing)
        streams = [
            (self._uses.setdefault(end.store_id, _Use()), (meter, pace))
            for end, pace in zip(ends, paces, strict=True)
            if end.role is StoreRole.IMAGE_CACHE and end.store_id is not None
        ]
        for use, stream in streams:
            use.streams.append(stream)
        try:
            yield
        finally:
            for use, stream in streams:
                use.streams.remove(stream)
                use.ended.append(stream[1])
                use.finished += meter.arriving()

    def report(self) -> tuple[CacheLoad, ...]:
        """Load since the last report, of every cache used in that time."""
        now = self._clock()
        passed, self._at = max(now - self._at, 1e-6), now
        return tuple(self._load(name, passed) for name in sorted(self._uses))

    def _load(self, name: str, passed: float) -> CacheLoad:
        use, space = self._uses[name], self.spaces.of(name)
        total = use.total()
        rate, use.last = (total - use.last) / passed, total
        paces = [pace for _, pace in use.streams] + use.ended
        told = [pace.seconds for pace in paces if pace.calls]
        use.latency, use.ended = sum(told) / len(told) if told else use.latency, []
        if not use.streams and not rate:  # the report before this one said the last bytes
            del self._uses[name]
            self.spaces.forget(name)
        self._shown[name] = max(self._shown[name], rate)
        return CacheLoad(
            store_id=name,
            bytes_per_second=rate,
            shown_bytes_per_second=self._shown[name],
            streams=len(use.streams),
            used_bytes=space.used if space else 0,
            total_bytes=space.total if space else 0,
            latency_seconds=use.latency,
        )
