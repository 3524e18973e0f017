"""Figures of a transfer this process makes."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from stowage_contracts.values import Bytes, Transfer

WINDOW_SECONDS = 5.0
REPORT_SECONDS = 0.2
Report = Callable[[Transfer], None]


@dataclass
class Meter:
    """Counts bytes and reports now and then: the rate is that of the last seconds."""

    total: Bytes
    report: Report
    done: Bytes = 0
    _points: deque[tuple[float, Bytes]] = field(default_factory=deque)
    _told: float = 0.0

    def moved(self, count: int) -> None:
        """So many more bytes (fewer, when an attempt was in vain)."""
        self.done += count
        if time.monotonic() - self._told >= REPORT_SECONDS:
            self.tell("")

    def at(self, count: Bytes) -> None:
        """So many bytes are there, whatever was counted before."""
        self.moved(count - self.done)

    def tell(self, phase: str) -> None:
        """Report now."""
        now = self._told = time.monotonic()
        self._points.append((now, self.done))
        while now - self._points[0][0] > WINDOW_SECONDS and len(self._points) > 2:
            self._points.popleft()
        rate = self._rate()
        left = (self.total - self.done) / rate if rate > 0 else None
        self.report(
            Transfer(
                bytes_done=self.done,
                bytes_total=self.total,
                bytes_per_second=rate,
                eta_seconds=left,
                phase=phase,
            )
        )

    def _rate(self) -> float:
        (began, first), (ended, last) = self._points[0], self._points[-1]
        return max(0.0, (last - first) / (ended - began)) if ended > began else 0.0
