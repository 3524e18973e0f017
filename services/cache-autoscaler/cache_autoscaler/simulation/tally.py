"""What a made-up day cost, and how long copies waited."""

from stowage_contracts.caching import FleetStep

from cache_autoscaler.simulation.machine import Running


class Tally:
    """Counts while a day runs."""

    def __init__(self, maximum: int, cool_down: float) -> None:
        self.vm_seconds = 0.0
        """From a VM's order until it is proven gone."""
        self.waits: list[float] = []
        """How much later each copy was through than it would have been alone, in seconds."""
        self.flaps = 0
        """Changes within a cool-down of a change the other way."""
        self.aborted = 0
        """Copies that were cut off because their member was destroyed."""
        self.over = 0
        """Spawns beyond the ceiling."""
        self.most = 0
        self.spawns = 0
        self.unserved = 0
        self.steps: list[FleetStep] = []
        """One for each change of the number of members."""
        self._maximum = maximum
        self._cool_down = cool_down
        self._last: tuple[str, float] = ("", 0.0)

    def through(self, copy: Running, now: float, alone: float) -> None:
        """A copy has all its bytes."""
        self.waits.append(max(0.0, now - copy.asked - copy.size / alone))

    def grew(self, now: float, members: int) -> None:
        """One more was ordered or taken back; ``members`` count all not proven gone."""
        self.spawns += 1
        self.most = max(self.most, members)
        self.over += members > self._maximum
        self._changed("up", now)

    def shrank(self, now: float) -> None:
        """One was sent away."""
        self._changed("down", now)

    def _changed(self, way: str, now: float) -> None:
        was, when = self._last
        if was and was != way and now - when < self._cool_down:
            self.flaps += 1
        self._last = (way, now)

    def note(self, step: FleetStep) -> None:
        """A change of the number of members."""
        self.steps.append(step)

    def wait(self, share: float) -> float:
        """The smallest wait that at least ``share`` of all copies are not above; 0 without any."""
        ordered = sorted(self.waits)
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0.0

    @property
    def vm_hours(self) -> float:
        """All members' time together."""
        return self.vm_seconds / 3600
