"""What the built-in strategies have in common: figures in members, words, limits. Pure."""

from dataclasses import dataclass
from math import ceil

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.views import CacheLoad, DesiredCount

from cache_autoscaler.model.pressure import FULL_STREAMS

MANY = 1 << 30
TINY = 1e-9
"""Rounding of sums must not ask for one more."""


@dataclass(frozen=True)
class Sizes:
    """One ask, counted in members."""

    serving: int
    """Members that serve; the others of ``current`` are on their way."""
    coming: int
    flow: float
    """What moves now, in members at full speed."""
    pressing: float
    """The same; a member with few streams counts less: one reader takes what it can."""
    takers: int
    """More members than this would find nothing to do: a copy is on one of them."""
    waiting_bytes: int
    waiting: float
    """Seconds that one member would need for all that waits."""


def sizes(ask: AutoscaleAsk) -> Sizes:
    """Count what an ask tells."""
    serving = min(len(ask.loads), ask.current)
    elsewhere = sum(max(0, load.backlog_bytes) for load in ask.loads)
    waiting = max(0, ask.backlog_bytes) + elsewhere
    known = ask.backlog_copies > 0 and not elsewhere
    return Sizes(
        serving=serving,
        coming=ask.current - serving,
        flow=sum(map(_share, ask.loads)),
        pressing=sum(_share(load) * min(1.0, load.streams / FULL_STREAMS) for load in ask.loads),
        takers=ask.backlog_copies if known else MANY,
        waiting_bytes=waiting,
        waiting=waiting / rate(ask),
    )


def _share(load: CacheLoad) -> float:
    shown = max(load.shown_bytes_per_second, load.bytes_per_second)
    return max(0.0, load.bytes_per_second) / shown if shown > 0 else 0.0


def rate(ask: AutoscaleAsk) -> float:
    """What one member does, bytes per second; never nothing."""
    return max(1.0, ask.member_bytes_per_second)


def up(members: float) -> int:
    """Whole members that are enough."""
    return max(0, ceil(members - TINY))


def within(ask: AutoscaleAsk, name: str, wanted: int, why: str) -> DesiredCount:
    """The answer, inside the limits; a limit that holds is part of the reason."""
    count = min(max(wanted, ask.limits.minimum), ask.limits.maximum)
    if count != wanted:
        why += f"; {wanted} wanted, limits are {ask.limits.minimum} to {ask.limits.maximum}"
    return DesiredCount(count=count, reason=why, strategy=name)


def size(count: float) -> str:
    """``1.5 GB``, as disks and links are told."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} PB"


def span(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
