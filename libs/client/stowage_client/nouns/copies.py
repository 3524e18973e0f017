"""Copies."""

from typing import Any

from stowage_contracts.views import CopyView

from stowage_client.answers import Explanation
from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask


class Copies(Collection[CopyView]):
    """Copies to primary storage, and the ones that fetch objects."""

    async def start(self, template_id: str, store_id: str, **fields: Any) -> CopyView:
        """Ask for one: ``volume_id``, ``format``, ``priority``, ``id``."""
        body = {"template_id": template_id, "store_id": store_id, **fields}
        return await self._add(CopyView, body)

    async def cancel(self, id: str) -> CopyView:
        """Withdraw."""
        return await self._do("POST", f"{id}/cancel")

    async def pause(self, id: str, reason: str = "paused by request") -> CopyView:
        """Stop at the edge of a range; what arrived stays."""
        return await self._do("POST", f"{id}/pause", {"reason": reason})

    async def resume(self, id: str) -> CopyView:
        """Go on from where it stopped."""
        return await self._do("POST", f"{id}/resume")

    async def change(self, id: str, **fields: Any) -> CopyView:
        """Another ``priority`` or ``bytes_per_second`` (0 takes the limit away)."""
        return await self._do("PATCH", id, given(fields))

    async def reroute(self, id: str, host_id: str | None = None) -> CopyView:
        """Hand what moves to that host, or to any other than the one it is on."""
        return await self._do("POST", f"{id}/reroute", given({"host_id": host_id}))

    async def explain(self, id: str, *, what_if: bool = False) -> Explanation:
        """Every strategy's answer, the hops, and what is being waited for; with ``what_if`` also
        what would be answered today."""
        query = {"what_if": "true"} if what_if else {}
        return await self._ask(Explanation, Ask("GET", f"{self._path}/{id}/explain", query=query))
