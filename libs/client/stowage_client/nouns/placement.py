"""Placement rules, and what they would decide."""

from typing import Any

from stowage_contracts.catalogue import PlacementRule

from stowage_client.answers import PlacementExplanation
from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask, Session


class Placement(Collection[PlacementRule]):
    """Placement rules: the first whose every condition holds decides."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "placement-rules", PlacementRule)

    async def set(self, rule: PlacementRule) -> PlacementRule:
        """Add it, or replace the one of its id."""
        return await self._do("PUT", rule.id, rule.model_dump(mode="json", exclude={"id"}))

    async def remove(self, id: str) -> PlacementRule:
        """Forget it."""
        return await self._do("DELETE", id)

    async def explain(self, format: str, **fields: Any) -> PlacementExplanation:
        """Which stores would get such an object now, and why not the others.

        ``kind``, ``size``, ``zone_id``, ``tags``, ``store_ids``, ``account_id``.
        """
        body = given({"format": format, **fields})
        return await self._ask(
            PlacementExplanation, Ask("POST", "/v1/placement/explain", body, keyless=True)
        )
