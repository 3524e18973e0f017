"""A host that runs no transport VMs, and says so to whoever asks for one."""

from typing import NoReturn

from stowage_contracts.caching import VmFacts, VmSpec
from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.hosts import MachineAbilities

HINT = "set STOWAGE_AGENT_MACHINES_KIND on that host"


class NoMachines:
    """Nothing can be spawned here, and nothing proven gone: VMs of other settings may be left."""

    async def abilities(self) -> MachineAbilities:
        """None at all."""
        return MachineAbilities(kind="none", slots=0)

    async def spawn(self, vm_id: str, fleet_id: str, spec: VmSpec) -> VmFacts:
        """Raises NotFound."""
        raise _none(vm_id)

    async def seen(self) -> tuple[VmFacts, ...]:
        """None."""
        return ()

    async def resize(self, vm_id: str, disk_bytes: int) -> VmFacts:
        """Raises NotFound."""
        raise _none(vm_id)

    async def destroy(self, vm_id: str) -> NoReturn:
        """Raises Conflict."""
        resource = f"transport_vm/{vm_id}"
        raise Conflict(
            "this host looks after no VMs", resource=resource, hint=HINT, code="machines"
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def _none(vm_id: str) -> NotFound:
    resource = f"transport_vm/{vm_id}"
    return NotFound("this host runs no VMs", resource=resource, hint=HINT, code="machines")
