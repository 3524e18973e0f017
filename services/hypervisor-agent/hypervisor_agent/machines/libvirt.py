"""VMs as transient domains of the host's libvirt: it runs, confines and forgets them."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field
from stowage_contracts.errors import NotFound, Unavailable
from stowage_contracts.plugins.machines import MachineSettings

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.machines import host
from hypervisor_agent.machines.domains import DISK_TARGET, Shape, domain_of, uuid_of
from hypervisor_agent.machines.local import LocalMachines
from hypervisor_agent.machines.qemu import INITRD, KERNEL, kvm_works
from hypervisor_agent.machines.record import ProcessMark, VmRecord
from hypervisor_agent.machines.runner import HostOptions, Vm, options_of

T = TypeVar("T")
SECONDS = 30.0
"""One call; destroying a domain may take half of it."""
START_SECONDS = 120.0
"""A libvirt that was just begun looks at its QEMUs first. A domain that starts later than that
finds no disk."""
END_TRIES, END_PAUSE = 100, 0.05
NO_DOMAIN = 42
"""libvirt's number for a domain it does not know."""


class LibvirtOptions(HostOptions):
    """Options of libvirt VMs."""

    uri: str = "qemu:///system"
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"
    """As for ``qemu``."""
    processors: int = Field(1, ge=1, le=16)


class Libvirt:
    """Domains nobody defined: gone when they end, and after the host was booted."""

    kind = "libvirt"
    files: tuple[str, ...] = (KERNEL, INITRD)

    def __init__(self, bridge: str, options: LibvirtOptions) -> None:
        self._lib = _library()
        self._bridge, self._options = bridge, options
        self._threads = Threads(4, "libvirt")
        self._connection: Any = None

    async def check(self) -> None:
        """Raises Unavailable when libvirt does not answer."""
        await self._call(lambda connection: connection.getLibVersion())

    def memory_free(self) -> int:
        """Of the host."""
        return host.memory_available()

    async def start(self, vm: Vm) -> ProcessMark | None:
        """Its process is libvirt's. Raises Unavailable."""
        told = self._options.accelerator
        kvm = told == "kvm" or (told == "auto" and await kvm_works(vm.image))
        xml = domain_of(vm, Shape(self._bridge, kvm, self._options.processors))
        vm.folder.chmod(0o711)  # libvirt's user passes through to the disk it is given
        await self._call(lambda connection: connection.createXML(xml, 0), START_SECONDS)
        return None

    async def find(self, record: VmRecord, folder: Path) -> VmRecord | None:
        """By its id."""
        runs = await self.runs(record)
        return record.model_copy(update={"started": True}) if runs else None

    async def runs(self, record: VmRecord) -> bool:
        """Raises Unavailable while libvirt is away: that is no proof of anything."""
        return await self._with(record.vm_id, lambda domain: bool(domain.isActive())) or False

    async def memory(self, record: VmRecord) -> int:
        """Of its process."""
        stats = await self._with(record.vm_id, lambda domain: domain.memoryStats())
        return 1024 * int((stats or {}).get("rss", 0))

    async def grow(self, record: VmRecord, folder: Path, disk_bytes: int) -> None:
        """The guest sees it at once. Raises NotFound, Unavailable."""
        await asyncio.to_thread(host.grow_disk, folder, disk_bytes)
        flags = self._lib.VIR_DOMAIN_BLOCK_RESIZE_BYTES
        done = await self._with(
            record.vm_id, lambda domain: domain.blockResize(DISK_TARGET, disk_bytes, flags)
        )
        if done is None:
            raise NotFound("the VM ended", resource=f"transport_vm/{record.vm_id}", code="vm")

    async def end(self, vm_id: str, folder: Path) -> None:
        """Returns once libvirt does not know it. Raises Unavailable."""
        for _ in range(END_TRIES):
            if await self._with(vm_id, lambda domain: domain.destroy()) is None:
                return
            await asyncio.sleep(END_PAUSE)
        resource = f"transport_vm/{vm_id}"
        raise Unavailable("its domain does not end", resource=resource, code="immortal")

    async def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._threads.run(connection.close)
        self._threads.close()

    async def _with(self, vm_id: str, call: Callable[[Any], T]) -> T | None:
        """``call`` on a domain; None when there is none."""

        def found(connection: Any) -> T | None:
            try:
                return call(connection.lookupByUUID(uuid_of(vm_id).bytes))
            except self._lib.libvirtError as error:
                if error.get_error_code() == NO_DOMAIN:
                    return None
                raise

        return await self._call(found)

    async def _call(self, call: Callable[[Any], T], seconds: float = SECONDS) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await self._threads.run(lambda: call(self._connected()))
        except (self._lib.libvirtError, TimeoutError) as error:
            cause = str(error) or f"no answer within {seconds:g} s"
            hint = "does libvirtd run, and may this agent use it?"
            resource = self._options.uri
            raise Unavailable(cause, resource=resource, code="libvirt", hint=hint) from error

    def _connected(self) -> Any:
        if self._connection is None or not self._connection.isAlive():
            self._connection = self._lib.open(self._options.uri)
        return self._connection


class LibvirtMachines(LocalMachines):
    """The plug-in ``libvirt``."""

    def __init__(self, settings: MachineSettings) -> None:
        options = options_of(LibvirtOptions, settings.options)
        super().__init__(settings, Libvirt(settings.bridge, options), options)


def _library() -> Any:
    try:
        library: Any = import_module("libvirt")
    except ImportError as error:
        raise NotFound(
            "libvirt-python is not installed",
            code="libvirt",
            hint="pip install 'stowage-hypervisor-agent[libvirt]'",
        ) from error
    library.registerErrorHandler(lambda *_: None, None)  # it would write to standard error
    return library
