"""Broker users of agents: made when an agent enrols."""

from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_runtime.bus.rabbit.agent_users import AgentUsers
from yarl import URL


class BrokerAdmission:
    """Admits agents to RabbitMQ, each limited to its own queue and routing keys."""

    def __init__(self, users: AgentUsers, amqp_url: SecretStr) -> None:
        self._users, self._url = users, URL(amqp_url.get_secret_value())

    async def admit(self, host_id: str) -> str:
        """The AMQP URL of the agent's own user; raises Unavailable."""
        login = await self._users.admit(host_id)
        password = login.password.get_secret_value()
        return str(self._url.with_user(login.user).with_password(password))


class NoAdmission:
    """No broker management API was configured: agents cannot enrol over the bus."""

    async def admit(self, host_id: str) -> str:
        """Raises Unavailable."""
        raise Unavailable(
            "agents cannot enrol: no broker management API is configured",
            resource=f"host/{host_id}",
            code="enrolment",
            hint="set STOWAGE_AMQP_MANAGEMENT_URL",
        )


def vhost_of(amqp_url: SecretStr) -> str:
    """The virtual host an AMQP URL names."""
    return URL(amqp_url.get_secret_value()).path[1:] or "/"
