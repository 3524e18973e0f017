"""Zones, pods, clusters, hosts."""

from typing import Any

from stowage_contracts.views import HostView

from stowage_client.answers import AnnouncedHost
from stowage_client.nouns.collection import Collection, V
from stowage_client.session import Ask


class Places(Collection[V]):
    """Zones, pods or clusters."""

    async def add(self, name: str, **fields: Any) -> V:
        """Create one: ``zone_id`` for a pod; ``pod_id`` and ``hypervisor`` for a cluster."""
        return await self._add(self.view, {"name": name, **fields})


class Hosts(Collection[HostView]):
    """Hosts and plain movers."""

    async def add(self, name: str, hypervisor: str, **fields: Any) -> AnnouncedHost:
        """Announce one (``cluster_id``, or ``zone_id`` for a mover); the token is shown once."""
        body = {"name": name, "hypervisor": hypervisor, **fields}
        return await self._add(AnnouncedHost, body, once=True)

    async def token(self, id: str) -> AnnouncedHost:
        """A new join token; the old one stops working."""
        return await self._ask(AnnouncedHost, Ask("POST", f"{self._path}/{id}/token", once=True))

    async def drain(self, id: str, reason: str = "drained by request") -> HostView:
        """Nothing new for its agent; what moves there is handed over."""
        return await self._do("POST", f"{id}/drain", {"reason": reason})

    async def stop_draining(self, id: str) -> HostView:
        """It takes hops again."""
        return await self._do("DELETE", f"{id}/drain")
