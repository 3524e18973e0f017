"""The made-up cloud: copies wait, members serve, somebody decides how many there are."""

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count
from math import ceil, inf
from typing import Protocol

from stowage_contracts.caching import VmState
from stowage_contracts.errors import InvalidInput

from cache_autoscaler.simulation.day import Day, Figures
from cache_autoscaler.simulation.machine import Machine, Running
from cache_autoscaler.simulation.tally import Tally

PATIENCE = 3.0
"""Days after which copies that still wait are given up."""


class Policy(Protocol):
    """Who decides: ours, or a rival."""

    every: float
    """Seconds between looks."""
    rest: float
    """The same while there is no member and nothing waits; endless: something must happen."""

    def look(self, cloud: "Cloud", figures: Figures) -> None:
        """Spawn, drain, undrain and destroy by the cloud's verbs."""
        ...


class Cloud:
    """Runs one day; events in order of time, nothing in between."""

    def __init__(self, day: Day, policy: Policy, tally: Tally, effort: float = inf) -> None:
        """``effort`` bounds what a run may cost: events, and members looked at."""
        self.day = day
        self.now = 0.0
        self.waiting: deque[Running] = deque()
        self.waiting_bytes = 0.0
        self.machines: dict[str, Machine] = {}
        """Every VM not proven gone."""
        self.tally = tally
        self._policy = policy
        self._events: list[tuple[float, int, str, Machine, int]] = []
        self._number = count()
        self._spawned = 0
        self._next_look = 0.0
        self._looked = 0.0
        self._effort = effort

    # -- what a policy sees

    @property
    def serving(self) -> list[Machine]:
        """Members that take new copies."""
        return [m for m in self.machines.values() if m.state is VmState.OFFERED]

    def figures(self) -> Figures:
        """What is measured now, as the day lets it be seen."""
        passed = max(1e-9, self.now - self._looked)
        moved, streams, running = 0.0, 0, 0
        for machine in self.machines.values():
            machine.advance(self.now)
            machine.rate = (machine.moved - machine.told) / passed
            machine.told = machine.moved
            running += machine.streams
            if machine.state is VmState.OFFERED:
                moved += machine.rate
                streams += machine.streams
        self._looked = self.now
        seen = Figures(self.waiting_bytes, len(self.waiting), running, moved, streams)
        return self.day.distort(self.now, seen)

    # -- what a policy does

    def spawn(self, host_id: str = "h1") -> Machine:
        """Order one more."""
        self._spawned += 1
        machine = Machine(f"vm{self._spawned:06d}", host_id, self.now, self.day)
        self.machines[machine.id] = machine
        self.tally.grew(self.now, len(self.machines))
        going = self.day.spawn(self._spawned, self.now)
        if going.seconds < inf:
            kind = "serve" if going.well else "fail"
            self._at(self.now + going.seconds, kind, machine)
        return machine

    def drain(self, machine: Machine) -> None:
        """Place nothing new on it."""
        machine.state = VmState.DRAINING
        self.tally.shrank(self.now)

    def undrain(self, machine: Machine) -> None:
        """Place copies on it again."""
        machine.state = VmState.OFFERED
        self.tally.grew(self.now, len(self.machines))
        self._place()

    def destroy(self, machine: Machine) -> None:
        """End it; copies on it are cut off and begin again, first in the queue."""
        if machine.state is VmState.DESTROYING:
            return
        if machine.state is not VmState.DRAINING and not machine.doomed:
            self.tally.shrank(self.now)
        cut = machine.abandon(self.now)
        self.tally.aborted += len(cut)
        for copy in reversed(cut):
            self.waiting.appendleft(copy)
            self.waiting_bytes += copy.size
        machine.state = VmState.DESTROYING
        self._at(self.now + self.day.destroy_seconds, "gone", machine)
        self._place()

    # -- the run

    def run(self) -> None:
        """The whole day, and what of it is late; raises InvalidInput beyond its effort."""
        coming = iter(self.day.asked)
        asked = next(coming, None)
        last = self.day.seconds * PATIENCE
        while self.now < last:
            at = min(
                asked.seconds if asked else inf,
                self._events[0][0] if self._events else inf,
                self._next_look,
            )
            if at >= self.day.seconds and asked is None and not self._busy():
                break
            self.now = at
            self._spend(1)
            if asked is not None and asked.seconds <= at:
                self._arrive(Running(asked.seconds, asked.size))
                asked = next(coming, None)
            elif self._events and self._events[0][0] <= at:
                self._event()
            else:
                self._look(asked.seconds if asked else self.day.seconds)
        self.now = max(self.now, self.day.seconds)
        for machine in self.machines.values():
            self.tally.vm_seconds += self.now - machine.ordered
        self.tally.unserved = len(self.waiting) + sum(m.streams for m in self.machines.values())

    def _busy(self) -> bool:
        return bool(self.waiting) or any(m.streams for m in self.machines.values())

    def _look(self, arrival: float) -> None:
        self._spend(4 + 2 * len(self.machines))
        self._policy.look(self, self.figures())
        every = self._policy.every
        self._next_look = self.now + every
        if not self.machines and not self.waiting:
            idle = min(arrival, self.now + self._policy.rest)
            looks = ceil((idle - self.now) / every)
            self._next_look = self.now + max(1, looks) * every

    def _spend(self, effort: float) -> None:
        self._effort -= effort
        if self._effort < 0:
            raise InvalidInput(
                f"given up at {self.now:.0f} s of the day: too many VMs for so long",
                code="effort",
                hint="try a shorter day, a lower maximum, or fewer bytes",
            )

    def _at(self, when: float, kind: str, machine: Machine) -> None:
        heappush(self._events, (when, next(self._number), kind, machine, machine.version))

    def _event(self) -> None:
        _, _, kind, machine, version = heappop(self._events)
        if kind == "through":
            if version == machine.version:
                self._through(machine)
        elif kind == "gone":
            self.tally.vm_seconds += self.now - machine.ordered
            del self.machines[machine.id]
        elif machine.state is VmState.ORDERED:
            if kind == "fail":
                machine.doomed = "it could not be made"
            else:
                machine.state, machine.offered = VmState.OFFERED, self.now
                self._place()

    def _arrive(self, copy: Running) -> None:
        self.waiting.append(copy)
        self.waiting_bytes += copy.size
        self._place()

    def _place(self) -> None:
        """First come, first served, on whoever has fewest streams."""
        while self.waiting:
            machine = _freest(self.machines.values(), self.day.streams)
            if machine is None:
                return
            copy = self.waiting.popleft()
            self.waiting_bytes = self.waiting_bytes - copy.size if self.waiting else 0.0
            machine.join(copy, self.now)
            self._expect(machine)

    def _through(self, machine: Machine) -> None:
        copy = machine.leave(self.now)
        self.tally.through(copy, self.now, self.day.alone)
        self._expect(machine)
        self._place()

    def _expect(self, machine: Machine) -> None:
        ends = machine.ends()
        if ends is not None:
            self._at(max(ends, self.now), "through", machine)


def _freest(machines: Iterable[Machine], most: int) -> Machine | None:
    best, fewest = None, most
    for machine in machines:
        if machine.state is VmState.OFFERED and machine.streams < fewest:
            best, fewest = machine, machine.streams
    return best
