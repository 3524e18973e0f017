"""EndpointSelector: which agent executes a hop."""

from typing import Protocol

from stowage_contracts.plugins.data_motion_strategy import AgentView, Priority
from stowage_contracts.values import CopyEnd, Id, Value


class EndpointAsk(Value):
    """One hop and the agents able to execute it (never empty)."""

    source: CopyEnd
    destination: CopyEnd
    able: tuple[AgentView, ...]


class EndpointChoice(Value):
    """The agent chosen, and why."""

    host_id: Id
    reason: str


class EndpointSelector(Protocol):
    """One policy (entry-point group ``stowage.endpoint_selector``); pure."""

    name: str
    priority: Priority
    """The highest is used where the operator names none; DEFAULT is that of the built-in ones."""

    def select(self, ask: EndpointAsk) -> EndpointChoice:
        """Choose one of ``ask.able``."""
        ...
