"""CloudStack's rule for secondary-storage VMs, to the letter (PremiumSecondaryStorageManagerImpl).

Kind to it: every copy through a cache is a command it counts, also as a migration; in CloudStack
template downloads and the copies of KVM and XenServer are not in that table at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.day import Figures
from cache_autoscaler.simulation.machine import Machine
from stowage_contracts.caching import VmState

SESSIONS = 50
"""secstorage.session.max"""
STANDBY = 10
"""secstorage.capacity.standby"""
SCAN = 30.0
"""secstorage.capacityscan.interval"""
REMEMBERED = 1800.0
"""secstorage.cmd.execution.time.max: older commands are not counted."""
MIGRATIONS = 2
"""secstorage.max.migrate.sessions"""
PATIENCE = 900.0
"""max.data.migration.wait.time"""


class CloudStack:
    """Scans every 30 s; one more VM at a time."""

    every = SCAN
    rest = SCAN

    def __init__(self, most: int, shrinks: bool) -> None:
        self._most = most
        """max.ssvm.count, or the hosts of the zone; only migrations heed it."""
        self._shrinks = shrinks
        """secstorage.vm.auto.scale.down"""
        self._next_spawn = PATIENCE
        self._first = ""

    def look(self, cloud: Cloud, figures: Figures) -> None:
        """One scan of the pool."""
        for machine in list(cloud.machines.values()):
            if machine.doomed:
                cloud.destroy(machine)
        running = [m for m in cloud.machines.values() if m.state is not VmState.DESTROYING]
        if self._first not in {m.id for m in running}:
            self._first = cloud.spawn().id
            return
        active = self._counted(cloud, figures)
        half = round(len(running) * MIGRATIONS / 2)
        if len(running) * SESSIONS - len(active) < STANDBY:
            cloud.spawn()
        elif self._migrations_wait(cloud.now, active, half) and len(running) <= self._most:
            self._next_spawn = cloud.now + PATIENCE
            cloud.spawn()
        elif self._shrinks:
            self._shrink(cloud, running, active)

    def _migrations_wait(self, now: float, active: list[float], half: int) -> bool:
        if not active or len(active) < half or now <= self._next_spawn:
            return False
        return now - active[half - 1] > PATIENCE

    def _shrink(self, cloud: Cloud, running: list[Machine], active: list[float]) -> None:
        if len(running) <= 1 or active:
            return
        for machine in reversed(running):
            if machine.id != self._first:
                cloud.destroy(machine)
                return

    def _counted(self, cloud: Cloud, figures: Figures) -> list[float]:
        """When the commands it still remembers were given, oldest first.

        A metric that is stuck gives it as many commands as it tells, all of them new.
        """
        told = figures.waiting + figures.running
        if told != len(cloud.waiting) + sum(m.streams for m in cloud.machines.values()):
            return [cloud.now] * told
        since = cloud.now - REMEMBERED
        return sorted(asked for asked in _asked(cloud) if asked >= since)


def _asked(cloud: Cloud) -> Iterator[float]:
    for copy in cloud.waiting:
        yield copy.asked
    for machine in cloud.machines.values():
        yield from machine.asked
