"""KEDA's queue-length rule: it wakes a fleet at zero, the Kubernetes HPA does the rest.

Defaults of both: polling 30 s, cooldownPeriod 300 s; HPA every 15 s, tolerance 0.1, growth by the
greater of doubling and four per 15 s, shrinking to the highest wish of the last 300 s.
A pod that is ended has 30 s for its copies, and then they are cut off.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.day import Figures
from cache_autoscaler.simulation.machine import Machine
from stowage_contracts.caching import VmState

POLLING, SYNC = 30.0, 15.0
COOL_DOWN = 300.0
STABILISATION = 300.0
TOLERANCE = 0.1
GRACE = 30.0


class Keda:
    """``value`` is the target: copies, waiting or running, for each member."""

    every = SYNC
    rest = SYNC

    def __init__(self, value: float, maximum: int) -> None:
        self._value = value
        self._maximum = maximum
        self._replicas = 0
        self._active = 0.0
        self._wishes: deque[tuple[float, int]] = deque()
        self._ending: dict[str, float] = {}

    def look(self, cloud: Cloud, figures: Figures) -> None:
        """One turn of the operator, or of the HPA."""
        queue = figures.waiting + figures.running
        if queue > 0:
            self._active = cloud.now
        if self._replicas == 0:
            polled = cloud.now % POLLING < SYNC
            self._replicas = 1 if queue > 0 and polled else 0
        elif queue == 0 and self._replicas == 1 and cloud.now - self._active >= COOL_DOWN:
            self._replicas = 0
            self._wishes.clear()
        else:
            self._replicas = self._wanted(queue, cloud.now)
        self._follow(cloud)

    def _wanted(self, queue: int, now: float) -> int:
        was = self._replicas
        ratio = queue / (self._value * was)
        wish = was if abs(ratio - 1) <= TOLERANCE else ceil(queue / self._value)
        wish = min(max(1, wish), self._maximum)
        self._wishes.append((now, wish))
        while self._wishes[0][0] < now - STABILISATION:
            self._wishes.popleft()
        if wish > was:
            return min(wish, max(2 * was, was + 4))
        return min(was, max(wish for _, wish in self._wishes))

    def _follow(self, cloud: Cloud) -> None:
        """The replica set does as it is told: the failed are made anew, the youngest go first."""
        for machine in list(cloud.machines.values()):
            late = cloud.now >= self._ending.get(machine.id, cloud.now + 1)
            idle = machine.state is VmState.DRAINING and machine.streams == 0
            if machine.doomed or late or idle:
                cloud.destroy(machine)
        staying = [m for m in cloud.machines.values() if not _leaves(m)]
        for _ in range(self._replicas - len(staying)):
            cloud.spawn()
        for machine in sorted(staying, key=_expendable)[: max(0, len(staying) - self._replicas)]:
            if machine.state is VmState.OFFERED:
                self._ending[machine.id] = cloud.now + GRACE
                cloud.drain(machine)
            else:
                cloud.destroy(machine)


def _leaves(machine: Machine) -> bool:
    return machine.state in (VmState.DRAINING, VmState.DESTROYING)


def _expendable(machine: Machine) -> tuple[bool, float]:
    return machine.state is VmState.OFFERED, -machine.ordered
