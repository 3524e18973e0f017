"""Whether one more VM fits on this host, and at which address."""

from collections.abc import Sequence
from dataclasses import dataclass

from stowage_contracts.caching import VmSpec
from stowage_contracts.errors import OutOfSpace
from stowage_contracts.plugins.machines import MachineSettings

from hypervisor_agent.machines.record import VmRecord

RESOURCE = "transport VMs of this host"


@dataclass(frozen=True)
class HostRoom:
    """What the host itself has left, in bytes."""

    disk: int | None = None
    """Beyond what the data disks there may still grow to; None: not looked at."""
    memory: int | None = None


def check_room(
    settings: MachineSettings, there: Sequence[VmRecord], spec: VmSpec, host: HostRoom
) -> None:
    """Raises OutOfSpace: slots, memory or disk."""
    if len(there) >= settings.slots:
        raise _full("slots", f"all {settings.slots} slots hold a VM")
    memory = sum(record.spec.memory_bytes for record in there) + spec.memory_bytes
    if settings.memory_bytes and memory > settings.memory_bytes:
        text = f"{memory} bytes of memory would be used of {settings.memory_bytes}"
        raise _full("memory", text)
    if host.memory is not None and spec.memory_bytes > host.memory:
        text = f"the host has {host.memory} bytes of memory left, {spec.memory_bytes} are needed"
        raise _full("memory", text)
    check_disk(settings, there, spec.disk_bytes, host)


def check_disk(
    settings: MachineSettings, there: Sequence[VmRecord], more: int, host: HostRoom
) -> None:
    """Whether ``more`` bytes of data disks fit. Raises OutOfSpace: disk."""
    promised = sum(record.disk_bytes for record in there) + more
    if settings.disk_bytes and promised > settings.disk_bytes:
        text = f"{promised} bytes of disks would be promised of {settings.disk_bytes}"
        raise _full("disk", text)
    if host.disk is not None and more > host.disk:
        text = f"the host can promise {max(host.disk, 0)} more bytes of disks, not {more}"
        raise _full("disk", text, "free space under STOWAGE_AGENT_MACHINES_FOLDER")


def free_address(settings: MachineSettings, there: Sequence[VmRecord]) -> str:
    """The first that no VM has, with its prefix length. Raises OutOfSpace: address."""
    taken = {record.address for record in there}
    for address in settings.addresses:
        if address not in taken:
            return address
    text = f"all {len(settings.addresses)} addresses are taken"
    raise _full("address", text, "name more in STOWAGE_AGENT_MACHINES_ADDRESSES")


def _full(code: str, cause: str, hint: str = "let fewer VMs run here, or allow more") -> OutOfSpace:
    return OutOfSpace(cause, resource=RESOURCE, hint=hint, code=code)
