"""What cache-autoscaler does by the clock: pins lapse, dead fills go, marks are kept."""

from datetime import timedelta

from stowage_contracts.messages.cache_autoscaler import CacheRemoved
from stowage_contracts.values import StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.handlers.load import watch_load
from cache_autoscaler.intents import evict, intend_evict, intend_probe
from cache_autoscaler.model.evicting import surplus
from cache_autoscaler.keeping import forget_fleets, keep_fleets
from cache_autoscaler.store import caches, need, store_view

GRANTS_KEPT = timedelta(days=1)


async def sweep(tx: Tx, deps: Deps) -> None:
    """Lapsed pins, and fills that no copy holds any more."""
    await tx.rows("lock_stores")
    await tx.run("drop_lapsed_pins")
    await tx.run("drop_lapsed_waits")
    for entry in await tx.rows("fills_dead"):
        await evict(tx, entry["id"], f"copy {entry['fill_copy']} stopped filling it")
    for entry in await tx.rows("entries_evicting"):
        await intend_evict(tx, entry["id"])


async def keep_marks(tx: Tx, deps: Deps) -> None:
    """A cache above its high-water mark is evicted down to the low one; pins hold."""
    await tx.rows("lock_stores")
    for cache in await caches(tx, deps.settings):
        for entry in surplus(cache, tx.now):
            await evict(tx, entry.id, f"{cache.view.name} is above its high-water mark")


async def drain(tx: Tx, deps: Deps) -> None:
    """Empty draining caches; an empty one, or one whose time is over, is removed."""
    for entry in await tx.rows("idle_on_draining"):
        await evict(tx, entry["id"], "its cache store is being removed")
    for row in await tx.rows("stores_drained"):
        view = store_view(await need(tx, "store", row["id"]))
        if row["left_behind"]:
            reason = f"{row['left_behind']} entries could not be deleted in time"
            await decide(tx, "remove", f"store/{row['id']}", reason)
        await tx.run("drop_entries_of", row["id"])
        await tx.run("drop_store", row["id"])
        await deps.stores.forget(row["id"])
        removed = view.model_copy(update={"state": StoreState.REMOVED})
        await tx.say(CacheRemoved(state=removed))


async def probe_stores(tx: Tx, deps: Deps) -> None:
    """Every store is proven again from time to time."""
    for row in await tx.rows("stores_to_probe", deps.settings.probe_seconds):
        await intend_probe(tx, row["id"])


async def forget(tx: Tx, deps: Deps) -> None:
    """Old grants, figures and reasons."""
    await tx.run("forget_grants", GRANTS_KEPT.total_seconds())
    await tx.run("forget_samples", GRANTS_KEPT.total_seconds())
    await tx.run("forget_decisions", deps.settings.cache_decisions_days * 86400)


TIMERS = (
    Timer[Deps]("sweep", 2, sweep),
    Timer[Deps]("keep-marks", 5, keep_marks),
    Timer[Deps]("drain", 2, drain),
    Timer[Deps]("watch-load", 5, watch_load),
    Timer[Deps]("probe-stores", 10, probe_stores),
    Timer[Deps]("keep-fleets", 1, keep_fleets),
    Timer[Deps]("forget", 3600, forget),
    Timer[Deps]("forget-fleets", 600, forget_fleets),
)
