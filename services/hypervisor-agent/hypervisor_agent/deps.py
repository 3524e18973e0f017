"""What handlers of an agent work with; built in ``wiring`` and nowhere else."""

from dataclasses import dataclass, field

from stowage_contracts.plugins import Hypervisor
from stowage_runtime.orders import OrderDoor

from hypervisor_agent.chores import Chores
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.fencing import Removed
from hypervisor_agent.hops import Hops
from hypervisor_agent.judge import GateJudge
from hypervisor_agent.line import Line
from hypervisor_agent.load import LoadMeter
from hypervisor_agent.machines.keeper import VmKeeper
from hypervisor_agent.pools import Pools


@dataclass(frozen=True)
class Deps:
    """One agent's collaborators."""

    line: Line
    door: OrderDoor
    hypervisor: Hypervisor
    pools: Pools
    tools: Tools
    judge: GateJudge
    hops: Hops
    chores: Chores
    readings: Chores
    """Full reads of stored objects, one at a time: they would keep all other chores waiting."""
    load: LoadMeter
    vms: VmKeeper
    removed: Removed = field(default_factory=Removed)
