"""Machines out of an agent's settings."""

from stowage_contracts.plugins.machines import Machines, MachineSettings
from stowage_runtime import plugins

from hypervisor_agent.line import Line
from hypervisor_agent.machines.absent import NoMachines
from hypervisor_agent.machines.keeper import VmKeeper
from hypervisor_agent.machines.local import LocalMachines
from hypervisor_agent.settings import Settings


def make_machines(settings: Settings) -> Machines | None:
    """The configured plug-in; None without one. Raises NotFound, InvalidInput."""
    if not settings.agent_machines_kind:
        return None
    kind = plugins.load("stowage.machines").pick(settings.agent_machines_kind)
    made: Machines = kind(
        MachineSettings(
            folder=settings.agent_machines_folder,
            image=settings.agent_machines_image,
            addresses=settings.agent_machines_addresses,
            gateway=settings.agent_machines_gateway,
            bridge=settings.agent_machines_bridge,
            slots=settings.agent_machines_slots,
            memory_bytes=settings.agent_machines_memory_bytes,
            disk_bytes=settings.agent_machines_disk_bytes,
            options=settings.agent_machines_options,
        )
    )
    return made


async def check_machines(settings: Settings) -> None:
    """Whether this host could run a VM, where it is to. Raises StowageError."""
    machines = make_machines(settings)
    if isinstance(machines, LocalMachines):
        await machines.check()
    elif machines is not None:
        await machines.abilities()


def make_keeper(settings: Settings, line: Line) -> VmKeeper:
    """What the agent works with, VMs or not."""
    machines = make_machines(settings)
    return VmKeeper(line, machines or NoMachines(), able=machines is not None)
