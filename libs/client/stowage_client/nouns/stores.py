"""Data stores and the providers they are made with."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from stowage_contracts.catalogue import Finding, StoreEntry
from stowage_contracts.values import ObjectRef
from stowage_contracts.views import ProviderView, StoreView

from stowage_client.answers import DemotionOrder, EvacuationPlan, FindingsPage, ShelfPage
from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask

FINDINGS = 100
Providers = Collection[ProviderView]


class Stores(Collection[StoreView]):
    """Data stores."""

    async def add(self, name: str, provider: str, **fields: Any) -> StoreView:
        """Prove and add one: ``role, scope, scope_id, settings, secrets, tags``."""
        return await self._add(StoreView, {"name": name, "provider": provider, **fields})

    async def probe(self, id: str) -> StoreView:
        """Ask its owner to probe it again."""
        return await self._do("POST", f"{id}/probe")

    async def change(self, id: str, **fields: Any) -> StoreView:
        """Ask for another ``state, name, tags, settings, secrets, capacity_bytes``.

        New settings and secrets are probed first and hold only if every check passes.
        """
        return await self._do("PATCH", id, given(fields))

    async def remove(self, id: str) -> StoreView:
        """Ask its owner to remove it."""
        return await self._do("DELETE", id)

    async def evacuation_plan(self, id: str) -> EvacuationPlan:
        """What an evacuation would move, and where; nothing is done."""
        return await self._ask(EvacuationPlan, Ask("GET", f"{self._path}/{id}/evacuation-plan"))

    async def evacuate(self, id: str, *, remove: bool = False, to: Sequence[str] = ()) -> StoreView:
        """Move everything off it, to some stores only, then remove it if asked."""
        return await self._do("POST", f"{id}/evacuate", {"remove": remove, "to_store_ids": [*to]})

    async def stop_evacuation(self, id: str) -> StoreView:
        """Leave what is still there; the store stays Draining until it is changed."""
        return await self._do("DELETE", f"{id}/evacuation")

    async def demote(self, id: str, **fields: Any) -> DemotionOrder:
        """Make an image store a cache store as it stands, without moving a byte:
        ``cache_store_id, name, scope, scope_id, copy_first``."""
        return await self._ask(
            DemotionOrder, Ask("POST", f"{self._path}/{id}/demote", given(fields))
        )

    async def move(self, id: str, objects: Iterable[ObjectRef], to: Iterable[str]) -> StoreView:
        """Move objects off it to one of some stores; to none: what has not gone yet stays."""
        body = {"objects": [what.model_dump(mode="json") for what in objects]}
        return await self._do("POST", f"{id}/moves", {**body, "to_store_ids": [*to]})

    async def objects(self, id: str, path: str = "") -> AsyncIterator[StoreEntry]:
        """What stands in a folder of it, or at one key."""
        offset = 0
        while True:
            query = {"path": path, "offset": offset, "limit": FINDINGS}
            page = await self._ask(ShelfPage, Ask("GET", f"{self._path}/{id}/objects", query=query))
            for entry in page.entries:
                yield entry
            offset += len(page.entries)
            if len(page.entries) < FINDINGS:
                return

    async def scan(self, id: str) -> StoreView:
        """Ask for a comparison of what is on it with what should be."""
        return await self._do("POST", f"{id}/scan")

    async def findings(self, id: str) -> AsyncIterator[Finding]:
        """What the last scans found, in the order of their ids."""
        after = ""
        while True:
            query = {"after": after, "limit": FINDINGS}
            ask = Ask("GET", f"{self._path}/{id}/findings", query=query)
            page = await self._ask(FindingsPage, ask)
            for finding in page.findings:
                yield finding
            if len(page.findings) < FINDINGS:
                return
            after = page.findings[-1].id

    async def clean(self, id: str, finding_ids: Iterable[str]) -> StoreView:
        """Remove findings, each only if it was seen twice and its grace is over."""
        return await self._do("POST", f"{id}/clean", {"finding_ids": [*finding_ids]})

    async def adopt(self, id: str) -> StoreView:
        """Rebuild the catalogue from the manifests on it."""
        return await self._do("POST", f"{id}/adopt")
