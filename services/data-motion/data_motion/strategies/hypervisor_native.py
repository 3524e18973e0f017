"""The hypervisor-native strategy: XenMotion, Storage vMotion and their like, where declared."""

from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.values import HopMethod

from data_motion.model.reach import lacks_to_move, who
from data_motion.strategies.ends import between_pools, is_install, no


class HypervisorNativeStrategy:
    """From pool to pool of one hypervisor, which knows its own disks best."""

    name = "hypervisor-native"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able when the agent that sees both pools declares ``moves``."""
        request = ask.request
        if not between_pools(request):
            return no("only volumes on primary pools are moved by a hypervisor")
        if request.source.store_id == request.destination.store_id:
            return no("both ends are on one pool: nothing is moved")
        if why := is_install(request):
            return no(why)
        if request.source.format is not request.destination.format:
            return no("a hypervisor moves a volume as it is, without a change of its format")
        able = _movers(ask)
        if not able:
            return no(_why_not(ask), "an agent that declares moves and sees both pools")
        return Answer(
            priority=Priority.HYPERVISOR,
            reason=f"the hypervisor of {who(able[0])} moves it between its own pools",
        )

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """One hop on that very agent."""
        chosen = _movers(ask)[0]
        return MotionPlan(hops=(HopLeg(must_run_on=chosen.host_id, method=HopMethod.NATIVE),))


def _movers(ask: MotionAsk) -> list[AgentView]:
    able = [agent for agent in ask.agents if not _lack(ask, agent)]
    return sorted(able, key=lambda agent: agent.host_id)


def _lack(ask: MotionAsk, agent: AgentView) -> str:
    return lacks_to_move(agent, ask.request.source, ask.request.destination)


def _why_not(ask: MotionAsk) -> str:
    """Those that do move volumes first: they are nearest to it."""
    near = sorted(ask.agents, key=lambda agent: (not agent.abilities.moves, agent.host_id))[:3]
    told = [f"{who(agent)} {_lack(ask, agent)}" for agent in near]
    return "; ".join(told) or "no agent has joined"
