"""Steps the fleet tests share: hosts that can run VMs, and what their agents would say."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from stowage_contracts.caching import CacheFleet, CacheFleetView, TransportVmView, VmFacts, VmPhase
from stowage_contracts.errors import Problem
from stowage_contracts.hosts import HostAbilities, MachineAbilities
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetChanged,
    SetCacheFleet,
    TransportVmChanged,
    TransportVmRemoved,
)
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.messages.hypervisor_agent import (
    DestroyTransportVm,
    SpawnTransportVm,
    TransportVmReported,
    TransportVmsSeen,
)
from stowage_contracts.messages.image_store import HostChanged
from stowage_contracts.values import HostState, HypervisorKind, Location, Scope, Transfer
from stowage_contracts.views import HostDrain, HostView

from tests.unit.cache_autoscaler.scene import Scene

M = TypeVar("M", bound=Message)


def fleet(**changed: Any) -> CacheFleet:
    """A fleet of zone z1 that wants one VM and may have three."""
    told = {"id": "f1", "name": "fleet", "scope": Scope.zone("z1"), "minimum": 1, "maximum": 3}
    return CacheFleet.model_validate({**told, "cool_down_seconds": 0, **changed})


@dataclass
class Fleets:
    """A cloud whose hosts run transport VMs, in a few words."""

    scene: Scene
    sequence: int = 0

    async def host(self, host_id: str = "h1", **changed: Any) -> None:
        """The owner of places tells of a host, and its agent that it has no VMs."""
        self.sequence += 1
        machines = MachineAbilities(kind="fake", slots=changed.pop("slots", 4))
        view = HostView(
            id=host_id,
            name=host_id,
            location=Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id=host_id),
            hypervisor=HypervisorKind.XENSERVER,
            state=HostState.UP,
            abilities=HostAbilities(
                hypervisor=HypervisorKind.XENSERVER,
                reads=("file",),
                writes=("file",),
                roots=(str(self.scene.folder),),
                machines=machines,
            ),
        ).model_copy(update=changed)
        await self.scene.bench.handle(HostChanged(state=view), sequence=self.sequence)
        if view.state is HostState.UP:
            await self.seen(host_id)

    async def drain_host(self, host_id: str) -> None:
        """An operator drains it."""
        await self.host(host_id, drain=HostDrain(reason="new memory", hops_left=0))

    async def wish(self, **changed: Any) -> list[Message]:
        """Wish for the fleet; what it makes the service say."""
        return await self.scene.bench.handle(SetCacheFleet(fleet=fleet(**changed)))

    async def seen(self, host_id: str, *vms: VmFacts) -> None:
        """All the VMs a host has."""
        signal = TransportVmsSeen(host_id=host_id, boot_id="b1", vms=vms)
        await self.scene.bench.hear(signal, source=f"agent/{host_id}")

    def facts(self, vm_id: str, phase: VmPhase, **changed: Any) -> VmFacts:
        """As its host tells it; a VM that serves exports a directory here."""
        told = VmFacts(vm_id=vm_id, fleet_id="f1", phase=phase, memory_bytes=1 << 20)
        if phase in (VmPhase.READY, VmPhase.UNWELL):
            folder = self.scene.folder / f"vm-{vm_id}"
            folder.mkdir(exist_ok=True)
            told = told.model_copy(update={"url": f"file://{folder}"})
        return told.model_copy(update=changed)

    async def report(self, vm_id: str, phase: VmPhase, **changed: Any) -> list[Message]:
        """An agent's report of one VM; what it makes the service say."""
        host_id = changed.pop("host_id", "h1")
        when = changed.pop("time", None)
        attributes = {"time": when} if when else {}
        return await self.scene.bench.handle(
            TransportVmReported(host_id=host_id, vm=self.facts(vm_id, phase, **changed)),
            source=f"agent/{host_id}",
            **attributes,
        )

    async def failed(self, vm_id: str, cause: str = "no image", host_id: str = "h1") -> None:
        """It could not be made."""
        problem = Problem(code="not_found.image", title="x", cause=cause)
        await self.report(vm_id, VmPhase.FAILED, error=problem, host_id=host_id)

    async def offered(self, host_id: str = "h1") -> list[str]:
        """Let every VM that is ordered serve and prove itself; their ids."""
        rows = await self.scene.sql(
            "SELECT id FROM cache_autoscaler.transport_vms WHERE state = 'ordered' ORDER BY id"
        )
        for row in rows:
            await self.report(row["id"], VmPhase.READY, host_id=host_id)
        await self.scene.intents()
        return [row["id"] for row in rows]

    async def tick(self, seconds: float = 0, *hosts: str) -> None:
        """Time passes; these hosts go on telling what they have; the controller takes a step."""
        if seconds:
            await self.scene.pass_seconds(seconds)
        for host_id in hosts:
            await self.beat(host_id)
        await self.scene.bench.run_timers("sweep", "drain", "keep-fleets")
        await self.scene.intents()

    async def beat(self, host_id: str = "h1") -> None:
        """A host tells its VMs as they were told before."""
        rows = await self.scene.sql(
            "SELECT id, phase, url FROM cache_autoscaler.transport_vms"
            " WHERE host_id = $1 AND phase <> ''",
            host_id,
        )
        facts = (self.facts(row["id"], VmPhase(row["phase"]), url=row["url"]) for row in rows)
        await self.seen(host_id, *facts)

    async def progress(self, copy_id: str) -> None:
        """A copy moves."""
        signal = CopyProgressed(copy_id=copy_id, state="running", transfer=Transfer())
        await self.scene.bench.hear(signal)

    async def vms(self) -> dict[str, str]:
        """State by id."""
        rows = await self.scene.sql("SELECT id, state FROM cache_autoscaler.transport_vms")
        return {row["id"]: row["state"] for row in rows}

    async def spawns(self) -> list[SpawnTransportVm]:
        """Every order to spawn."""
        return await self._said(SpawnTransportVm)

    async def destroys(self) -> list[DestroyTransportVm]:
        """Every order to destroy."""
        return await self._said(DestroyTransportVm)

    async def told(self) -> list[CacheFleetView]:
        """The fleet as it was told."""
        return [event.state for event in await self._said(CacheFleetChanged)]

    async def story(self, vm_id: str) -> list[str]:
        """The states of a VM as they were told."""
        said = await self.scene.bench.said(TransportVmChanged, TransportVmRemoved)
        views: list[TransportVmView] = [getattr(event, "state") for event in said]  # noqa: B009
        return [view.state.value for view in views if view.id == vm_id]

    async def why(self, kind: str) -> list[str]:
        """Reasons of the decisions of a kind."""
        rows = await self.scene.sql(
            "SELECT reason FROM cache_autoscaler.decisions WHERE kind = $1 ORDER BY id", kind
        )
        return [row["reason"] for row in rows]

    async def now(self) -> datetime:
        """The service's clock."""
        async with self.scene.bench.tx() as tx:
            return tx.now.astimezone(UTC)

    async def _said(self, kind: type[M]) -> list[M]:
        return [each for each in await self.scene.bench.said(kind) if isinstance(each, kind)]
