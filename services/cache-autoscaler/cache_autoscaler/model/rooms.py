"""Hosts that can run transport VMs: which may take one more, and what failures cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from stowage_contracts.caching import VmSpec
from stowage_contracts.hosts import MachineAbilities

NEVER = datetime.min.replace(tzinfo=UTC)
"""A time that is over."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited after spawns that failed."""

    back_off_seconds: float = 10
    """After the first; doubled for each further one."""
    most_back_off_seconds: float = 600
    breaker_failures: int = 5
    """In a row; then the fleet halts."""
    halt_seconds: float = 600

    def until(self, failures: int, failed: datetime | None) -> datetime:
        """When the next one may be tried."""
        if failed is None or failures <= 0:
            return NEVER
        seconds = self.back_off_seconds * 2.0 ** min(failures - 1, 30)
        return failed + timedelta(seconds=min(seconds, self.most_back_off_seconds))


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a fleet's scope; the figures are of VMs of any fleet that are not proven gone."""

    id: str
    machines: MachineAbilities | None
    vms: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    silent: bool = False
    draining: bool = False
    failures: int = 0
    """Spawns that failed on it since one was offered."""
    failed: datetime | None = None

    def with_one_more(self, vm: VmSpec) -> "Host":
        """The same with one more of these."""
        return replace(
            self,
            vms=self.vms + 1,
            memory_bytes=self.memory_bytes + vm.memory_bytes,
            disk_bytes=self.disk_bytes + vm.disk_bytes,
        )


def able(host: Host, vm: VmSpec, patience: Patience, now: datetime) -> str:
    """Why a host may not take one more such VM now; '' when it may."""
    if host.machines is None:
        return "runs no transport VMs"
    if host.silent:
        return "is silent"
    if host.draining:
        return "is being drained"
    if patience.until(host.failures, host.failed) > now:
        return f"failed {host.failures} times and is left alone for a while"
    return _full(host, host.machines, vm)


def _full(host: Host, can: MachineAbilities, vm: VmSpec) -> str:
    if host.vms >= can.slots:
        return f"has all its {can.slots} VMs"
    if can.memory_bytes and host.memory_bytes + vm.memory_bytes > can.memory_bytes:
        return "has too little memory left"
    if can.disk_bytes and host.disk_bytes + vm.disk_bytes > can.disk_bytes:
        return "has too little disk left"
    return ""


def roomiest(hosts: Sequence[Host], vm: VmSpec, count: int) -> tuple[str, ...]:
    """Hosts for so many VMs, each time the one with fewest; fewer where they are full."""
    left, chosen = list(hosts), list[str]()
    while left and len(chosen) < count:
        best = min(left, key=lambda host: (host.vms, host.failures, host.id))
        chosen.append(best.id)
        left.remove(best)
        more = best.with_one_more(vm)
        if more.machines is not None and not _full(more, more.machines, vm):
            left.append(more)
    return tuple(chosen)
