"""What caches hold, fleets of transport VMs, and why things were decided."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from stowage_contracts.caching import CacheFleetView, Decision, Demand, EntryView, TransportVmView

from stowage_client.answers import (
    DecisionsPage,
    EntriesPage,
    EntryOrder,
    FleetExplanation,
    FleetTrial,
)
from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask, Session

PAGE = 200
Vms = Collection[TransportVmView]


class Fleets(Collection[CacheFleetView]):
    """Fleets of transport VMs."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "cache-fleets", CacheFleetView)

    async def set(self, id: str, scope: str, scope_id: str, **fields: Any) -> CacheFleetView:
        """Add it, or replace the one of its id.

        ``name, strategy, minimum, maximum, spare, vm, min_life_seconds, cool_down_seconds,
        drain_seconds, deadline_seconds``.
        """
        body = given({"name": id, "scope": scope, "scope_id": scope_id, **fields})
        return await self._do("PUT", id, body)

    async def remove(self, id: str) -> CacheFleetView:
        """Drain and destroy its VMs, then forget it."""
        return await self._do("DELETE", id)

    async def explain(self, id: str) -> FleetExplanation:
        """What every strategy would want of it now, and what was decided lately."""
        return await self._ask(FleetExplanation, Ask("GET", f"{self._path}/{id}/explain"))

    async def simulate(self, id: str, demand: Sequence[Demand], **fields: Any) -> FleetTrial:
        """Try it on a made-up day: ``fleet`` (other settings, as they are set),
        ``vm_bytes_per_second``, ``spawn_seconds``."""
        points = [point.model_dump() for point in demand]
        body = given({"demand": points, **fields})
        ask = Ask("POST", f"{self._path}/{id}/simulate", body, keyless=True)
        return await self._ask(FleetTrial, ask)


class Entries:
    """What caches hold."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self, store_id: str | None = None) -> AsyncIterator[EntryView]:
        """Each of one store or of all, by id, page by page."""
        after: str | None = None
        while True:
            query = given({"store_id": store_id, "after": after, "limit": PAGE})
            found = await self._session.call(Ask("GET", "/v1/cache-entries", query=query))
            page = EntriesPage.model_validate(found)
            for entry in page.entries:
                yield entry
            if page.next is None:
                return
            after = page.next

    async def hold(self, id: str, seconds: float) -> EntryOrder:
        """Keep it for so long, whoever uses it; 0 lets it go."""
        return await self._order(id, "hold", {"seconds": seconds})

    async def evict(self, id: str) -> EntryOrder:
        """Drop it; refused, with a reason in its decisions, while a copy needs it."""
        return await self._order(id, "evict", None)

    async def _order(self, id: str, verb: str, body: dict[str, Any] | None) -> EntryOrder:
        ask = Ask("POST", f"/v1/cache-entries/{id}/{verb}", body)
        return EntryOrder.model_validate(await self._session.call(ask))

    async def decisions(self, subject: str = "", limit: int = 100) -> tuple[Decision, ...]:
        """Why things were placed, evicted, spawned or destroyed, newest first; of all, or of
        ``copy/…``, ``store/…``, ``entry/…``, ``cache_fleet/…`` or ``transport_vm/…``."""
        query = {"subject": subject, "limit": limit}
        found = await self._session.call(Ask("GET", "/v1/decisions", query=query))
        return DecisionsPage.model_validate(found).decisions
