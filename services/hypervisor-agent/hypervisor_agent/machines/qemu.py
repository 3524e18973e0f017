"""VMs by QEMU: with KVM where it was seen to work, else in software."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Literal

import structlog
from pydantic import Field
from stowage_contracts.errors import Unavailable
from stowage_contracts.plugins.machines import MachineSettings

from hypervisor_agent.machines import host, qmp
from hypervisor_agent.machines.confined import Confined, ProcessOptions
from hypervisor_agent.machines.image import Image
from hypervisor_agent.machines.local import LocalMachines
from hypervisor_agent.machines.processes import run
from hypervisor_agent.machines.record import DISK, ProcessMark, VmRecord
from hypervisor_agent.machines.runner import Vm, options_of
from hypervisor_agent.machines.taps import mac_of, tap_of

KERNEL, INITRD = "vmlinuz", "initrd.zst"
QEMU, SOCKET, DRIVE = "qemu-system-x86_64", "qmp", "data"
TRY_SECONDS = 6
BARE = ("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot")
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
log = structlog.get_logger(__name__)


class QemuOptions(ProcessOptions):
    """Options of QEMU VMs."""

    accelerator: Literal["auto", "kvm", "tcg"] = "auto"
    """``auto`` boots a kernel by KVM once, and takes it when that ends as it should."""
    processors: int = Field(1, ge=1, le=16)
    machine: Literal["q35", "pc", "microvm"] = "q35"


class Qemu(Confined):
    """One QEMU each, in its sandbox, asked over a socket in the VM's folder."""

    kind = "qemu"
    files: tuple[str, ...] = (KERNEL, INITRD)
    programs: tuple[str, ...] = (QEMU,)

    def __init__(self, bridge: str, options: QemuOptions) -> None:
        super().__init__(bridge, options)
        self._options: QemuOptions = options
        self._accelerator = "" if options.accelerator == "auto" else options.accelerator
        self._trying = asyncio.Lock()

    async def start(self, vm: Vm) -> ProcessMark:
        """Raises Unavailable."""
        async with self._trying:
            if not self._accelerator:
                self._accelerator = "kvm" if await kvm_works(vm.image) else "tcg"
                log.info("qemu.accelerator", accelerator=self._accelerator)
        return await self.begin(vm, (QEMU, *self._machine(vm), *_devices(vm)))

    async def grow(self, record: VmRecord, folder: Path, disk_bytes: int) -> None:
        """The guest sees it at once. Raises Unavailable."""
        await asyncio.to_thread(host.grow_disk, folder, disk_bytes)
        resize = {"device": DRIVE, "size": disk_bytes}
        await qmp.ask(folder / SOCKET, "block_resize", resize, f"transport_vm/{record.vm_id}")

    def _machine(self, vm: Vm) -> tuple[str, ...]:
        kvm = self._accelerator == "kvm"
        return (
            *("-machine", self._options.machine),
            *("-accel", "kvm" if kvm else "tcg,thread=multi", "-cpu", "host" if kvm else "max"),
            *("-smp", str(self._options.processors), "-m", f"{vm.mebibytes}M", *BARE),
            *("-sandbox", SANDBOX),
            *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
            *("-qmp", f"unix:{SOCKET},server=on,wait=off"),
            *("-kernel", str(vm.image.folder / KERNEL), "-initrd", str(vm.image.folder / INITRD)),
            *("-append", " ".join(("console=ttyS0 quiet panic=-1", *vm.arguments))),
        )


class QemuMachines(LocalMachines):
    """The plug-in ``qemu``."""

    def __init__(self, settings: MachineSettings) -> None:
        options = options_of(QemuOptions, settings.options)
        super().__init__(settings, Qemu(settings.bridge, options), options)


async def kvm_works(image: Image) -> bool:
    """Whether a kernel boots by KVM to its end within seconds: that there is a device is no
    proof."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or shutil.which(QEMU) is None:
        return False
    argv = ("timeout", "-s", "KILL", str(TRY_SECONDS), QEMU, "-accel", "kvm", "-cpu", "host")
    kernel = ("-m", "128", *BARE, "-kernel", str(image.folder / KERNEL), "-append", "panic=-1")
    try:
        await run((*argv, *kernel))
    except Unavailable as error:
        log.info("qemu.kvm_unfit", cause=error.cause)
        return False
    return True


def _devices(vm: Vm) -> tuple[str, ...]:
    vm_id = vm.record.vm_id
    tap = f"tap,id=net,ifname={tap_of(vm_id)},script=no,downscript=no"
    # A full host is told to the guest, which answers its clients; it is not halted.
    drive = "format=raw,cache=writeback,discard=unmap,werror=report,rerror=report"
    return (
        *("-netdev", tap, "-device", f"virtio-net-pci,netdev=net,mac={mac_of(vm.record.address)}"),
        *("-drive", f"if=none,id={DRIVE},file={DISK},{drive}"),
        *("-device", f"virtio-blk-pci,drive={DRIVE}"),
    )
