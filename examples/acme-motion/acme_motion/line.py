"""AcmeLine: the entry point ``stowage.data_motion_strategy``."""

from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.values import CopyEnd, EndKind, StoreRole

LINE = "acme-"
"""What the ids of agents on Acme's own line between sites begin with."""
WEB = {"http", "https"}


class AcmeLine:
    """Copies between object stores go over the line that is paid for, whoever else could."""

    name = "acme-line"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able when both ends are object stores and an agent on the line reaches them."""
        ends = ask.request.source, ask.request.destination
        if not all(map(_is_object_store, ends)) or ends[0].format is not ends[1].format:
            return _no("the line joins object stores, and changes no format")
        able = _on_line(ask)
        if not able:
            return _no("no agent on the line", f"an agent called {LINE}… that reaches both stores")
        return Answer(priority=Priority.PLUGIN, reason=f"{able[0].host_id} is on the line")

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """One hop, over the line."""
        return MotionPlan(hops=(HopLeg(must_run_on=_on_line(ask)[0].host_id),))


def _is_object_store(end: CopyEnd) -> bool:
    stored = end.kind is EndKind.STORE and end.role is StoreRole.IMAGE
    return stored and bool(WEB & set(end.schemes))


def _on_line(ask: MotionAsk) -> list[AgentView]:
    source, destination = ask.request.source, ask.request.destination
    able = [
        agent
        for agent in ask.agents
        if agent.host_id.startswith(LINE)
        and WEB & set(agent.abilities.reads) & set(source.schemes)
        and WEB & set(agent.abilities.writes) & set(destination.schemes)
        and source.scope.covers(agent.location)
        and destination.scope.covers(agent.location)
    ]
    return sorted(able, key=lambda agent: (agent.running, agent.host_id))


def _no(reason: str, missing: str = "") -> Answer:
    return Answer(priority=Priority.CANT_HANDLE, reason=reason, missing=missing)
