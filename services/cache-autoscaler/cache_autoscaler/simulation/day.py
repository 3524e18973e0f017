"""What happens on a made-up day: copies that are asked for, and what VMs are like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Asked:
    """One copy through a cache."""

    seconds: float
    """Since the day's beginning."""
    size: float
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured at one time; a day may distort it."""

    waiting_bytes: float
    waiting: int
    running: int
    """Copies on members, draining ones too."""
    rate: float
    """Bytes per second of all serving members together, since the look before."""
    streams: int
    """Copies on serving members."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """How one spawn goes."""

    seconds: float
    """Until it is offered, or known to have failed; endless for one that never answers."""
    well: bool = True


def _prompt(number: int, now: float) -> Spawned:
    return Spawned(60.0)


def _as_is(now: float, figures: Figures) -> Figures:
    return figures


@dataclass(frozen=True)
class Day:
    """Copies by rising time, and the world they meet."""

    asked: Sequence[Asked]
    seconds: float = 86400.0
    member_rate: float = 100e6
    """Bytes per second of one member, shared evenly by its streams."""
    stream_rate: float = inf
    """What one copy can take: the link of its host."""
    streams: int = 16
    """Copies that one member serves at once; the others wait."""
    spawn: Callable[[int, float], Spawned] = _prompt
    """How the n-th spawn goes, ordered at a time."""
    destroy_seconds: float = 5.0
    """From the order until it is proven gone."""
    distort: Callable[[float, Figures], Figures] = field(default=_as_is)
    """What a look is told instead of the truth."""

    @property
    def alone(self) -> float:
        """Bytes per second of a copy that is alone."""
        return min(self.stream_rate, self.member_rate)
