"""Orders for transport VMs, and what their owner hears."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from stowage_contracts.caching import MEBI, VmFacts, VmPhase, VmSpec
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.hypervisor_agent import (
    DestroyTransportVm,
    SpawnTransportVm,
    TransportVmReported,
    TransportVmsSeen,
)
from stowage_runtime.bus import Reader

from tests.integration.hypervisor_agent.cloud import HOST, Cloud

SPEC = VmSpec(memory_bytes=128 * MEBI, disk_bytes=64 * MEBI)
FLEETS = Reader("cache-autoscaler", durable=(TransportVmReported,), signals=(TransportVmsSeen,))


async def own(cloud: Cloud) -> Cloud:
    """Somebody in it owns VMs from now on."""

    async def hear(envelope: Envelope) -> None:
        cloud.said.append(envelope.message())

    await cloud.bus.declare(FLEETS)
    await cloud.bus.listen(FLEETS, hear)
    await cloud.bus.hear(FLEETS, hear)
    return cloud


def spawn(vm_id: str = "vm1", seconds: float = 60) -> SpawnTransportVm:
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    return SpawnTransportVm(vm_id=vm_id, host_id=HOST, fleet_id="f1", spec=SPEC, expires=expires)


def destroy(vm_id: str = "vm1") -> DestroyTransportVm:
    return DestroyTransportVm(vm_id=vm_id, host_id=HOST, reason="drained")


async def reported(cloud: Cloud, phase: VmPhase, vm_id: str = "vm1") -> VmFacts:
    fits = lambda told: (told.vm.vm_id, told.vm.phase) == (vm_id, phase)  # noqa: E731
    return (await cloud.heard(TransportVmReported, fits=fits)).vm


async def seen(cloud: Cloud, fits: Callable[[TransportVmsSeen], bool]) -> TransportVmsSeen:
    """The next that fits."""
    cloud.said[:] = [said for said in cloud.said if not isinstance(said, TransportVmsSeen)]
    return await cloud.heard(TransportVmsSeen, fits=fits)
