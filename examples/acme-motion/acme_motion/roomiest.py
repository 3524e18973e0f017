"""Roomiest: the entry point ``stowage.endpoint_selector``."""

from stowage_contracts.plugins.data_motion_strategy import AgentView, Priority
from stowage_contracts.plugins.endpoint_selector import EndpointAsk, EndpointChoice


class Roomiest:
    """The agent with the most free slots, wherever the bytes are."""

    name = "acme-roomiest"
    priority = Priority.PLUGIN

    def select(self, ask: EndpointAsk) -> EndpointChoice:
        """Ties by id, so that the choice is the same each time."""
        best = min(ask.able, key=lambda agent: (-_free(agent), agent.host_id))
        return EndpointChoice(
            host_id=best.host_id, reason=f"{best.host_id} has most free slots: {_free(best)}"
        )


def _free(agent: AgentView) -> int:
    return agent.abilities.slots - agent.running
