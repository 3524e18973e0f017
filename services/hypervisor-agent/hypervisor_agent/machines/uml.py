"""VMs by User Mode Linux: on any host, without KVM, in about two seconds."""

import os
from pathlib import Path

from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins.machines import MachineSettings

from hypervisor_agent.machines.confined import Confined, ProcessOptions
from hypervisor_agent.machines.local import LocalMachines
from hypervisor_agent.machines.record import ProcessMark, VmRecord
from hypervisor_agent.machines.runner import Vm, options_of
from hypervisor_agent.machines.taps import mac_of, tap_of

KERNEL, INITRD = "linux.uml", "initrd.cpio"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where User Mode Linux keeps a guest's memory


class Uml(Confined):
    """Guest memory lies in ``/dev/shm``, unlinked; ending the process gives it back."""

    kind = "uml"
    files: tuple[str, ...] = (KERNEL, INITRD)

    def memory_free(self) -> int:
        """Of the host, and of the file system guests' memory lies in."""
        room = os.statvfs(SHARED_MEMORY)
        return min(super().memory_free(), room.f_bavail * room.f_frsize)

    async def start(self, vm: Vm) -> ProcessMark:
        """Raises Unavailable."""
        return await self.begin(vm, _argv(vm))

    async def grow(self, record: VmRecord, folder: Path, disk_bytes: int) -> None:
        """Raises InvalidInput: it looks at its disk's size once."""
        raise InvalidInput(
            "User Mode Linux can't grow a disk it has open",
            resource=f"transport_vm/{record.vm_id}",
            code="resize",
            hint="give the fleet bigger disks and let a new VM take its place",
        )


class UmlMachines(LocalMachines):
    """The plug-in ``uml``."""

    def __init__(self, settings: MachineSettings) -> None:
        options = options_of(ProcessOptions, settings.options)
        super().__init__(settings, Uml(settings.bridge, options), options)


def _argv(vm: Vm) -> tuple[str, ...]:
    tap, mac = tap_of(vm.record.vm_id), mac_of(vm.record.address)
    return (
        str(vm.image.folder / KERNEL),
        f"mem={vm.mebibytes}M",
        f"initrd={vm.image.folder / INITRD}",
        *("rdinit=/init", "rootfstype=tmpfs", "quiet", "panic=-1"),
        *("con0=null,fd:1", "con=null", "ssl=null"),
        f"ubd0={vm.disk}",
        f"vec0:transport=tap,ifname={tap},depth=128,gro=1,mac={mac}",
        f"uml_dir={vm.folder}/",
        "umid=uml",
        *vm.arguments,
    )
