"""Placement of objects: their rows and the rules' rows put to the rules of placement."""

from collections.abc import Iterable

from asyncpg import Record
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Scope
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.model.placement import Wish, choose
from image_store.store import room_of
from image_store.views import scope_of_object


async def rules_of(tx: Tx) -> list[PlacementRule]:
    """Every placement rule."""
    return [PlacementRule.model_validate(row["rule"]) for row in await tx.rows("placement_rules")]


def wish_of(
    row: Record, only: tuple[str, ...] = (), *, scope: Scope | None = None, size: int | None = None
) -> Wish:
    """What an object asks of placement: anywhere in its scope, or on some stores only."""
    return Wish(
        kind=row["kind"],
        format=row["format"],
        account_id=row["account_id"],
        scope=scope or scope_of_object(row),
        size=size or row["size"],
        tags=tuple(row["tags"]),
        store_ids=only,
    )


async def store_for(tx: Tx, wish: Wish, deps: Deps, taken: Iterable[str] = ()) -> Record:
    """The store that placement chooses of those not taken, locked; raises what it raises."""
    await tx.rows("lock_image_stores")
    rows = {row["id"]: row for row in await tx.rows("stores_to_weigh")}
    unknown = [store_id for store_id in wish.store_ids if store_id not in rows]
    if unknown:
        raise InvalidInput("no such image store", resource=f"store/{unknown[0]}")
    rooms = [room_of(row) for row in rows.values() if row["id"] not in taken]
    high = deps.settings.store_high_water
    return rows[choose(rooms, await rules_of(tx), wish, high).store_id]
