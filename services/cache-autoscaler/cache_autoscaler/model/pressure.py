"""How loaded a cache is: one measure for the marks and for the built-in strategy. Pure."""

from dataclasses import dataclass

from stowage_contracts.views import CacheLoad

FULL_STREAMS = 4
"""Fewer streams than this never make a full load, however fast: one reader takes what it can."""
BACKLOG_SECONDS = 600
"""Backlog that takes this long at full speed counts as full load by itself."""


def utilisation(load: CacheLoad) -> float:
    """0 (idle) to 1 and beyond (more is wanted than it has shown it can do)."""
    shown = max(load.shown_bytes_per_second, load.bytes_per_second)
    if shown < 1:
        return 0.0
    busy = load.bytes_per_second / shown * min(1.0, load.streams / FULL_STREAMS)
    return max(busy, load.backlog_bytes / (shown * BACKLOG_SECONDS))


@dataclass(frozen=True)
class Marks:
    """High and low water, as shares of what a cache can do."""

    high: float
    low: float

    def next(self, was_high: bool, load: float) -> bool:
        """Whether the load counts as high now; between the marks it stays what it was."""
        return load > self.low if was_high else load >= self.high
