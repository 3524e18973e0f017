"""One member that serves copies: its streams share it evenly."""

from heapq import heappop, heappush
from itertools import count

from stowage_contracts.caching import VmState

from cache_autoscaler.simulation.day import Day


class Running:
    """A copy, from when it was asked for until it is through."""

    __slots__ = ("asked", "size", "started")

    def __init__(self, asked: float, size: float) -> None:
        self.asked = asked
        self.size = size
        self.started = asked


class Machine:
    """A VM and the copies on it.

    ``level`` is what every stream has got since the beginning, so a copy ends when the level has
    risen by its size: joining and leaving cost the logarithm of the streams, not their number.
    """

    def __init__(self, vm_id: str, host_id: str, ordered: float, day: Day) -> None:
        self.id = vm_id
        self.host_id = host_id
        self.ordered = ordered
        self.state = VmState.ORDERED
        self.offered: float | None = None
        self.doomed = ""
        self.level = 0.0
        self.moved = 0.0
        self.told = 0.0
        self.rate = 0.0
        self.version = 0
        self._day = day
        self._since = ordered
        self._copies: list[tuple[float, int, Running]] = []
        self._number = count()

    @property
    def streams(self) -> int:
        """Copies on it now."""
        return len(self._copies)

    @property
    def asked(self) -> tuple[float, ...]:
        """When each copy on it was asked for."""
        return tuple(copy.asked for _, _, copy in self._copies)

    def advance(self, now: float) -> None:
        """Let its streams flow until now."""
        if self._copies:
            got = self._share() * (now - self._since)
            self.level += got
            self.moved += got * len(self._copies)
        self._since = now

    def join(self, copy: Running, now: float) -> None:
        """One more stream."""
        self.advance(now)
        copy.started = now
        heappush(self._copies, (self.level + copy.size, next(self._number), copy))
        self.version += 1

    def leave(self, now: float) -> Running:
        """The stream that is through."""
        self.advance(now)
        self.version += 1
        self.level = max(self.level, self._copies[0][0])
        return heappop(self._copies)[2]

    def abandon(self, now: float) -> list[Running]:
        """Every copy that is cut off."""
        self.advance(now)
        self.version += 1
        cut = [copy for _, _, copy in sorted(self._copies)]
        self._copies.clear()
        return cut

    def ends(self) -> float | None:
        """When its next copy will be through, if nothing else happens."""
        if not self._copies:
            return None
        return self._since + max(0.0, self._copies[0][0] - self.level) / self._share()

    def _share(self) -> float:
        return min(self._day.stream_rate, self._day.member_rate / len(self._copies))
