"""Fleets as operators wish for them."""

from asyncpg import Record
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetChanged,
    RemoveCacheFleet,
    SetCacheFleet,
)
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import vms
from cache_autoscaler.deps import Deps
from cache_autoscaler.fleets import fleet_view, limits_of, say_changed
from cache_autoscaler.keeping import keep_fleet


async def on_set_cache_fleet(message: SetCacheFleet, tx: Tx, deps: Deps) -> None:
    """Its limits hold at once; where its VMs live can't be changed while there are some."""
    fleet = message.fleet
    before = await tx.row("lock_fleet", fleet.id)
    if before is not None and limits_of(before).scope != fleet.scope:
        await _refuse(tx, before, deps)
        return
    await tx.run(
        "set_fleet",
        fleet.id,
        fleet.name,
        fleet.scope.type,
        fleet.scope.id,
        fleet.model_dump(mode="json"),
        deps.settings.fleet_spawn_seconds,
    )
    await say_changed(tx, fleet.id, deps, always=True)
    for row in await tx.rows("fleet_vms", fleet.id, deps.settings.cache_load_seconds):
        await vms.enlarge(tx, row, fleet.vm)
    await keep_fleet(tx, fleet.id, deps)


async def _refuse(tx: Tx, row: Record, deps: Deps) -> None:
    refused = InvalidInput(
        "a fleet stays in its scope",
        resource=f"cache_fleet/{row['id']}",
        code="scope",
        hint="remove it and make another",
    )
    rows = await tx.rows("fleet_vms", row["id"], deps.settings.cache_load_seconds)
    view = fleet_view(row, rows, tx.now).model_copy(update={"error": refused.problem})
    await tx.say(CacheFleetChanged(state=view))


async def on_remove_cache_fleet(message: RemoveCacheFleet, tx: Tx, deps: Deps) -> None:
    """Its VMs drain and go, and it with the last of them; one that is gone is told again."""
    row = await tx.row("lock_fleet", message.fleet_id)
    if row is not None:
        await tx.run("fleet_removing", message.fleet_id)
        await keep_fleet(tx, message.fleet_id, deps)
