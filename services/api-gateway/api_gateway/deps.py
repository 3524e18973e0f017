"""What api-gateway's handlers and routes are given."""

from dataclasses import dataclass, field
from typing import Protocol

from stowage_contracts.values import ServiceName
from stowage_runtime.http.limiting import Limiter, Rates
from stowage_runtime.secrets import RowCipher

from api_gateway.cloudstack.counting import Counts
from api_gateway.feed import Feed
from api_gateway.mirror.pulse import Pulse
from api_gateway.settings import Settings
from api_gateway.sinks.bell import Bell
from api_gateway.sinks.senders import Senders


class AdmitsAgents(Protocol):
    """Makes a broker user for an agent and says where it connects."""

    async def admit(self, host_id: str) -> str:
        """The AMQP URL of a user limited to its own queue; raises Unavailable."""
        ...


@dataclass(frozen=True)
class Deps:
    """Collaborators, built once in ``__main__.wire``."""

    settings: Settings
    cipher: RowCipher
    feed: Feed
    agents: AdmitsAgents
    pulse: Pulse = field(default_factory=Pulse)
    counts: Counts = field(default_factory=Counts)
    sinks: Bell = field(default_factory=Bell)
    limiter: Limiter = field(default_factory=lambda: Limiter(Rates()))

    @property
    def senders(self) -> Senders:
        """What carries events to sinks."""
        return Senders(self.settings)

    def public_key(self, owner: ServiceName) -> str:
        """The key that seals for ``owner``."""
        if owner is ServiceName.CACHE_AUTOSCALER:
            return self.settings.seal_public_key_cache_autoscaler
        return self.settings.seal_public_key_image_store
