"""Machines: how one host runs transport VMs."""

from typing import Any, Protocol

from stowage_contracts.caching import VmFacts, VmSpec
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.values import Bytes, Id, Value


class MachineSettings(Value):
    """What every Machines plug-in is made with."""

    folder: str
    """Where it keeps its VMs: one folder each, which says all that is needed to know it again."""
    image: str
    """Folder of a built transport-VM image (``deploy/transport-vm/build``)."""
    addresses: tuple[str, ...] = ()
    """Addresses it may give, each with its prefix length: ``10.1.0.10/24``."""
    gateway: str = ""
    bridge: str = ""
    """Bridge of the host that its VMs' interfaces join."""
    slots: int = 1
    memory_bytes: Bytes = 0
    disk_bytes: Bytes = 0
    options: dict[str, Any] = {}
    """The plug-in's own, checked by it."""


class Machines(Protocol):
    """One way to run VMs (entry-point group ``stowage.machines``).

    Made with one argument, its MachineSettings. VMs outlive it: whoever is made next with the same
    folder knows them all. Every verb may be repeated.
    """

    async def abilities(self) -> MachineAbilities:
        """What this host can run now."""
        ...

    async def spawn(self, vm_id: Id, fleet_id: Id, spec: VmSpec) -> VmFacts:
        """Returns once it runs, long before it serves. A VM that is there already stays as it is.

        Raises NotFound for a missing image, OutOfSpace (disk, memory, address or slot) and
        Unavailable; then nothing of it is left.
        """
        ...

    async def seen(self) -> tuple[VmFacts, ...]:
        """Every VM there is, probed by a real mount and lookup within a deadline; one that ended
        by itself is FAILED until it is destroyed."""
        ...

    async def resize(self, vm_id: Id, disk_bytes: Bytes) -> VmFacts:
        """Grow its data disk while it serves; asked for less, it stays. Raises NotFound,
        OutOfSpace, InvalidInput when this kind can't."""
        ...

    async def destroy(self, vm_id: Id) -> None:
        """Returns once no process and no disk of it is left; also when there was none."""
        ...

    async def aclose(self) -> None:
        """Let go of everything but the VMs."""
        ...
