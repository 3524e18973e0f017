"""Placement rules as rows."""

from stowage_contracts.catalogue import PlacementRule
from stowage_runtime.handling.tx import Tx


async def rules_of(tx: Tx) -> list[PlacementRule]:
    """Every placement rule."""
    return [PlacementRule.model_validate(row["rule"]) for row in await tx.rows("placement_rules")]
