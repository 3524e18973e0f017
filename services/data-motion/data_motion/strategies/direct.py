"""The direct strategy: one agent reads the source and writes the destination."""

from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)

from data_motion.model.reach import lacks_to_carry, lacks_to_write, who
from data_motion.strategies.ends import is_install, no, only_host, prefetched


class DirectStrategy:
    """One hop, nothing staged; preferred wherever some agent can do it."""

    name = "direct"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able when one agent reads the one end and writes the other."""
        if why := is_install(ask.request):
            return no(why)
        if prefetched(ask.request):
            return no("a prefetch ends on a cache store, which is yet to be chosen")
        able = carriers(ask)
        if able:
            more = f" (and {len(able) - 1} more)" if len(able) > 1 else ""
            return Answer(
                priority=Priority.DEFAULT, reason=f"{who(able[0])}{more} moves it in one hop"
            )
        told = [f"{who(agent)} {_lack(ask, agent)}" for agent in _nearest(ask)]
        return no("; ".join(told) or "no agent has joined", _missing(ask))

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """One hop, on the only host that can if an end is local to it."""
        return MotionPlan(hops=(HopLeg(must_run_on=only_host(ask)),))


def carriers(ask: MotionAsk) -> list[AgentView]:
    """Agents that can do the whole copy alone, by id."""
    able = [agent for agent in ask.agents if not _lack(ask, agent)]
    return sorted(able, key=lambda agent: agent.host_id)


def _lack(ask: MotionAsk, agent: AgentView) -> str:
    return lacks_to_carry(agent, ask.request.source, ask.request.destination)


def _nearest(ask: MotionAsk) -> list[AgentView]:
    """Those that at least write the destination, else all; an operator reads three at most."""
    near = [agent for agent in ask.agents if not lacks_to_write(agent, ask.request.destination)]
    return sorted(near or ask.agents, key=lambda agent: agent.host_id)[:3]


def _missing(ask: MotionAsk) -> str:
    host, hypervisor = only_host(ask), ask.request.destination.hypervisor
    anybody = f"a {hypervisor} host" if hypervisor else "an agent"
    reads, writes = ("/".join(end.schemes) for end in (ask.request.source, ask.request.destination))
    return f"{f'host {host}' if host else anybody} that reads {reads} and writes {writes}"
