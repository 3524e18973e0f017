"""What cache-autoscaler does by the clock: pins lapse, dead fills go, marks are kept."""

from datetime import timedelta

from stowage_contracts.messages.cache_autoscaler import CacheRemoved
from stowage_contracts.values import StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from cache_autoscaler import metrics
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.handlers.load import watch_load
from cache_autoscaler.intents import evict, intend_evict, intend_probe
from cache_autoscaler.keeping import forget_fleets, keep_fleets
from cache_autoscaler.model.evicting import Why, surplus
from cache_autoscaler.store import caches, lock_stores, need, store_view, whole

GRANTS_KEPT = timedelta(days=1)
LOSSES_KEPT = timedelta(days=1)
"""What was lost longer ago is forgotten: a fill is no refill, and damage forgiven."""


async def sweep(tx: Tx, deps: Deps) -> None:
    """Lapsed pins, and fills that no copy holds any more."""
    await lock_stores(tx)
    await tx.run("drop_lapsed_pins")
    await tx.run("drop_lapsed_waits")
    for entry in await tx.rows("fills_dead"):
        why = f"copy {entry['fill_copy']} stopped filling it"
        await evict(tx, entry["id"], Why.UNFILLED, why)
    for entry in await tx.rows("entries_evicting"):
        await intend_evict(tx, entry["id"])


async def keep_marks(tx: Tx, deps: Deps) -> None:
    """A cache above its high-water mark is evicted down to the low one; pins hold."""
    await lock_stores(tx)
    full = [cache for cache in await caches(tx, deps.settings, ("", "")) if cache.full]
    for cache in full:
        for entry in surplus(await whole(tx, cache), tx.now):
            why = f"{cache.view.name} is above its high-water mark"
            await evict(tx, entry.id, Why.MARK, why)


async def drain(tx: Tx, deps: Deps) -> None:
    """Empty draining caches; an empty one, or one whose time is over, is removed."""
    await lock_stores(tx)
    for entry in await tx.rows("idle_on_draining"):
        await evict(tx, entry["id"], Why.DRAIN, "its cache store is being removed")
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
    """Every store is proven again from time to time; oftener while copies use it, and oftener
    still while it fails."""
    told = deps.settings
    often = (told.probe_seconds, told.cache_probe_used_seconds, told.cache_probe_again_seconds)
    for row in await tx.rows("stores_to_probe", *often):
        await intend_probe(tx, row["id"])


async def measure(tx: Tx, deps: Deps) -> None:
    """How the entries stand, for the metrics of the instance that leads."""
    stores = {row["name"] for row in await tx.rows("stores")}
    metrics.stand(await tx.rows("entries_held"), stores)


async def forget(tx: Tx, deps: Deps) -> None:
    """Old grants, figures and reasons."""
    await tx.run("forget_grants", GRANTS_KEPT.total_seconds())
    await tx.run("forget_samples", GRANTS_KEPT.total_seconds())
    await tx.run("forget_losses", LOSSES_KEPT.total_seconds())
    await tx.run("forget_decisions", deps.settings.cache_decisions_days * 86400)


TIMERS = (
    Timer[Deps]("sweep", 2, sweep),
    Timer[Deps]("keep-marks", 2, keep_marks),
    Timer[Deps]("drain", 2, drain),
    Timer[Deps]("watch-load", 5, watch_load),
    Timer[Deps]("probe-stores", 2, probe_stores),
    Timer[Deps]("measure", 10, measure),
    Timer[Deps]("keep-fleets", 1, keep_fleets),
    Timer[Deps]("forget", 3600, forget),
    Timer[Deps]("forget-fleets", 600, forget_fleets),
)
