"""Broker users of agents: made when an agent enrols."""

from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_runtime.broker_users import BrokerUsers


class BrokerAdmission:
    """Admits agents to RabbitMQ, each limited to its own queue and routing keys."""

    def __init__(self, users: BrokerUsers, amqp_url: SecretStr) -> None:
        self._users, self._url = users, amqp_url

    async def admit(self, host_id: str) -> str:
        """The AMQP URL of the agent's own user; raises Unavailable."""
        login = await self._users.admit(host_id)
        parts = urlsplit(self._url.get_secret_value())
        user = quote(login.user, safe="")
        password = quote(login.password.get_secret_value(), safe="")
        where = f"{user}:{password}@{parts.hostname}:{parts.port or 5672}"
        return urlunsplit((parts.scheme, where, parts.path, "", ""))


class NoAdmission:
    """No broker management API was configured: agents cannot enrol over the bus."""

    async def admit(self, host_id: str) -> str:
        """Raises Unavailable."""
        raise Unavailable(
            "agents cannot enrol: no broker management API is configured",
            resource=f"host/{host_id}", code="enrolment", hint="set STOWAGE_AMQP_MANAGEMENT_URL",
        )
