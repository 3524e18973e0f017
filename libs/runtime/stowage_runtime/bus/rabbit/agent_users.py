"""What enrolment gives an agent on a broker: a queue and a user of its own."""

from typing import Protocol

from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import ServiceName, Value


class AgentLogin(Value):
    """How an agent logs in; shown once, kept by nobody but the agent."""

    user: str
    password: SecretStr
    queue: str


class AgentUsers(Protocol):
    """Admits agents to the bus and dismisses them; both are idempotent."""

    async def admit(self, host_id: str) -> AgentLogin:
        """Make (or make again, with a new password) what the agent of a host needs."""
        ...

    async def dismiss(self, host_id: str) -> None:
        """Close its connections and delete its user and queue."""
        ...


def check_host_id(host_id: str) -> None:
    """Raises InvalidInput for an id that could be taken for another name on the bus."""
    if "." in host_id or host_id in set(ServiceName):
        raise InvalidInput(
            "a host id on the bus has no dot and is not a service's name",
            resource=f"host/{host_id}",
            hint="use a UUID",
            code="host_id",
        )
