"""The locality-then-load selector: the agent nearest to the bytes, then the least busy."""

from stowage_contracts.plugins.data_motion_strategy import AgentView, Priority
from stowage_contracts.plugins.endpoint_selector import EndpointAsk, EndpointChoice
from stowage_contracts.values import CopyEnd, HypervisorKind

from data_motion.model.reach import who


class LocalityThenLoad:
    """Ends an agent sees as files cost no wire; among equals the share of busy slots decides."""

    name = "locality-then-load"
    priority = Priority.DEFAULT

    def select(self, ask: EndpointAsk) -> EndpointChoice:
        """The best of ``ask.able``; ties by id, so that the choice is the same each time."""
        best = min(ask.able, key=lambda agent: (-_near(ask, agent), _busy(agent), agent.host_id))
        seen, slots = _near(ask, best), best.abilities.slots
        place = ("reaches both ends over the network", "sees one end", "sees both ends")[
            min(2, seen)
        ]
        return EndpointChoice(
            host_id=best.host_id,
            reason=f"{who(best)} {place}; {best.running} of {slots} slots busy; "
            f"chosen among {len(ask.able)}",
        )


def _near(ask: EndpointAsk, agent: AgentView) -> int:
    return sum(_sees(agent, end) for end in (ask.source, ask.destination))


def _sees(agent: AgentView, end: CopyEnd) -> bool:
    return "file" in end.schemes and agent.abilities.sees(end.root)


def _busy(agent: AgentView) -> tuple[float, bool]:
    """Share of busy slots; a plain mover before a host, which has virtual machines to run."""
    return agent.running / agent.abilities.slots, agent.abilities.hypervisor is not _MOVER


_MOVER = HypervisorKind.NONE
