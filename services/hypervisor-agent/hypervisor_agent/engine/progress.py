"""Live figures of one hop: cumulative bytes, rate over the last seconds, time left."""

import time
from collections import deque
from collections.abc import Awaitable, Callable

from stowage_contracts.values import Transfer

WINDOW_SECONDS = 10.0
PACE_SHARE = 0.2
"""What the newest call counts for."""


class Pace:
    """How long calls took of late: an exponential mean, in seconds; 0 before the first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.calls = 0.0, 0
        self._clock = clock

    async def timed(self, call: Callable[[], Awaitable[None]]) -> None:
        """Await ``call``; only one that succeeds counts."""
        begun = self._clock()
        await call()
        took = self._clock() - begun
        self.seconds += (took - self.seconds) * (PACE_SHARE if self.calls else 1.0)
        self.calls += 1


class Meter:
    """Counts what is stored and what is on its way; never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = "starting"
        self.total: int | None = None
        self.reading, self.writing = Pace(clock), Pace(clock)
        """Of parts, as the source and the destination took them."""
        self._clock = clock
        self._stored = 0
        self._read = 0
        self._shown = 0
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])
        self.arriving: Callable[[], int] = int
        """Bytes the reader received so far; set once it is open."""
        self.settled: Callable[[], None] = lambda: None
        """Called after each part that is settled."""

    def stored(self, length: int, *, read: int) -> None:
        """A part is settled; ``read`` of its bytes came from the source."""
        self._stored += length
        self._read += read
        self.settled()

    def transfer(self) -> Transfer:
        """The figures now."""
        self._shown = max(self._shown, self._done())
        rate = self._rate()
        left = None if self.total is None else self.total - self._shown
        return Transfer(
            bytes_done=self._shown,
            bytes_total=self.total,
            bytes_per_second=rate,
            eta_seconds=left / rate if left is not None and rate > 0 else None,
            phase=self.phase,
        )

    def _done(self) -> int:
        underway = max(0, self.arriving() - self._read)
        done = self._stored + underway
        return done if self.total is None else min(done, self.total)

    def _rate(self) -> float:
        now = self._clock()
        self._samples.append((now, self._shown))
        while len(self._samples) > 2 and self._samples[0][0] < now - WINDOW_SECONDS:
            self._samples.popleft()
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else 0.0
