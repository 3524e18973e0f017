"""Whether a hop can be handed to another agent; '' or why not, in words."""

from data_motion.model.limits import Limits
from data_motion.model.placing import Fleet, fits
from data_motion.model.reach import lacks_to_carry
from data_motion.model.states import LEASED, HopState
from data_motion.records import AgentRecord, HopRecord, Job


def hindrance(job: Job, host_id: str | None, fleet: Fleet, limits: Limits) -> str:
    """Why the hop under way can't go to that host, or to any other."""
    hop = job.current
    if not job.live:
        return f"the copy is {job.copy.state}"
    if hop is None:
        return f"it waits for {job.copy.waiting_for or 'its plan'}"
    if hop.state not in {*LEASED, HopState.PENDING}:
        return "the commit is under way"
    if host_id is not None:
        return _named(hop, host_id, fleet, limits)
    others = (agent for agent in fleet.agents if agent.host_id != hop.host_id)
    if any(not _hinders(hop, agent, fleet, limits) for agent in others):
        return ""
    return "no other agent can carry it now"


def _named(hop: HopRecord, host_id: str, fleet: Fleet, limits: Limits) -> str:
    agent = next((agent for agent in fleet.agents if agent.host_id == host_id), None)
    if agent is None:
        return f"no agent of host {host_id} has joined"
    if hop.host_id == host_id and hop.state in LEASED:
        return f"it is on host {host_id} already"
    return _hinders(hop, agent, fleet, limits)


def _hinders(hop: HopRecord, agent: AgentRecord, fleet: Fleet, limits: Limits) -> str:
    name, view = f"host {agent.host_id}", fleet.view(agent)
    lacks = lacks_to_carry(view, hop.source, hop.destination)
    if lacks:
        return f"{name} {lacks}"
    if not fits(hop, view):
        return f"{name} failed it, or another must do it"
    if agent.draining:
        return f"{name} is drained: {agent.draining}"
    return "" if fleet.up(agent, limits) else f"{name} is silent"
