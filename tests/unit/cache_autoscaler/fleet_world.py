"""A fleet's world for tests of its controller: hosts and VMs that do as told, or don't."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cache_autoscaler.model.fleets import (
    Action,
    Destroy,
    Drain,
    Fleet,
    Halt,
    Member,
    Spawn,
    Standing,
    Step,
    Undrain,
    spawn_failed,
    spawn_succeeded,
    step,
)
from cache_autoscaler.model.rooms import Host
from cache_autoscaler.model.vms import COMING
from stowage_contracts.caching import CacheFleet, VmState
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.values import Scope
from stowage_contracts.views import DesiredCount

DAWN = datetime(2026, 1, 1, tzinfo=UTC)


def limits(**changed: Any) -> CacheFleet:
    """A fleet of zone z1."""
    told = {"id": "f1", "name": "f1", "scope": Scope.zone("z1"), "maximum": 4, **changed}
    return CacheFleet.model_validate(told)


def host(host_id: str = "h1", slots: int = 10, **changed: Any) -> Host:
    """A host that can run VMs."""
    made = Host(id=host_id, machines=MachineAbilities(kind="fake", slots=slots))
    return replace(made, **changed)


def wants(count: int) -> DesiredCount:
    """What a strategy might say."""
    return DesiredCount(count=count, reason=f"{count} wanted", strategy="test")


@dataclass
class World:
    """VMs by id; ``spawned`` and ``shrunk`` are when the count was changed."""

    fleet: Fleet
    hosts: list[Host] = field(default_factory=lambda: [host()])
    members: dict[str, Member] = field(default_factory=dict)
    now: datetime = DAWN
    log: list[tuple[datetime, Action]] = field(default_factory=list)

    def tick(self, count: int, seconds: float = 0) -> Step:
        """Time passes, the controller takes one step, and it is done."""
        self.now += timedelta(seconds=seconds)
        done = step(
            self.fleet, Standing(list(self.members.values()), self._hosts()), wants(count), self.now
        )
        self.fleet = done.fleet
        for action in done.actions:
            self.log.append((self.now, action))
            self._do(action)
        return done

    def _hosts(self) -> list[Host]:
        on = [m.host_id for m in self.members.values()]
        return [replace(each, vms=on.count(each.id)) for each in self.hosts]

    def _do(self, action: Action) -> None:
        if isinstance(action, Spawn):
            vm_id = f"v{len(self.log)}"
            until = self.now + timedelta(seconds=300)
            self.members[vm_id] = Member(
                vm_id, action.host_id, VmState.ORDERED, self.now, deadline=until
            )
        elif isinstance(action, Drain):
            self.set(action.vm_id, state=VmState.DRAINING)
        elif isinstance(action, Undrain):
            self.set(action.vm_id, state=VmState.OFFERED)
        elif isinstance(action, Destroy):
            self.set(action.vm_id, state=VmState.DESTROYING)
            if action.failed:
                self.fleet = spawn_failed(self.fleet, self.now)
        else:
            assert isinstance(action, Halt)

    def set(self, vm_id: str, **changed: Any) -> None:
        """Change a VM behind the controller's back."""
        self.members[vm_id] = replace(self.members[vm_id], **changed)

    def offer(self, *vm_ids: str) -> None:
        """These, or all that come, serve now."""
        for vm_id in vm_ids or [m.id for m in self.members.values() if m.state in COMING]:
            self.set(vm_id, state=VmState.OFFERED, offered=self.now)
            self.fleet = spawn_succeeded(self.fleet)

    def fail(self, vm_id: str) -> None:
        """It could not be made, and is proven gone."""
        del self.members[vm_id]
        self.fleet = spawn_failed(self.fleet, self.now)

    def forget(self, vm_id: str) -> None:
        """It is proven gone."""
        del self.members[vm_id]

    def count(self, *states: VmState) -> int:
        """VMs in these states."""
        return sum(m.state in states for m in self.members.values())
