"""Transport VMs on one host: spawned, resized, destroyed, seen."""

from stowage_contracts.caching import VmFacts, VmSpec
from stowage_contracts.messages.hypervisor_agent.words import Command, Report, Signal
from stowage_contracts.values import Bytes, Id, Instant


class SpawnTransportVm(Command, subject="transport_vm/{vm_id}"):
    """Boot a VM that serves NFS; of a VM that is there already, its facts are said again."""

    vm_id: Id
    host_id: Id
    fleet_id: Id
    spec: VmSpec
    expires: Instant
    """Not begun later: by then another may have been spawned for it."""


class ResizeTransportVm(Command, subject="transport_vm/{vm_id}"):
    """Give its data disk so many bytes, never fewer than it has; it goes on serving."""

    vm_id: Id
    host_id: Id
    disk_bytes: Bytes


class DestroyTransportVm(Command, subject="transport_vm/{vm_id}"):
    """Stop a VM and delete its disks; one that is not there counts as destroyed."""

    vm_id: Id
    host_id: Id
    reason: str


class TransportVmReported(Report, subject="transport_vm/{vm.vm_id}"):
    """A VM serves, can't be made, is unwell, or is gone; said at each change."""

    vm: VmFacts


class TransportVmsSeen(Signal, subject="host/{host_id}"):
    """Every transport VM this host has, also none; by every host that can run some. What is not
    named here, and was not ordered since, is proven gone."""

    boot_id: Id
    vms: tuple[VmFacts, ...]
