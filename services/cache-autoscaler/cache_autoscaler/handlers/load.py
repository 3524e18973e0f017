"""Load: what agents saw, what the caches have shown, and what crossing a mark says."""

from asyncpg import Record
from stowage_contracts.messages.cache_autoscaler import CacheLoadHigh, CacheLoadLow, ReportCacheLoad
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, AutoscaleLimits
from stowage_contracts.values import Scope
from stowage_contracts.views import CacheLoad, DesiredCount
from stowage_runtime.handling.tx import Tx

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.fleets import desired_of
from cache_autoscaler.keeping import keep_fleet
from cache_autoscaler.model.pressure import Marks, utilisation
from cache_autoscaler.store import loads, scope_of

FOREIGN = "foreign"
"""Stands for a host in figures that came from outside."""
SHOWN_FADES = 0.999
"""A figure shown once is believed less with each look, so that a slower disk is noticed."""


async def on_cache_load_reported(message: CacheLoadReported, tx: Tx, deps: Deps) -> None:
    """Keep each host's newest figures."""
    for load in message.loads:
        await _sample(load, message.host_id, tx)


async def on_report_cache_load(message: ReportCacheLoad, tx: Tx, deps: Deps) -> None:
    """Somebody outside says a cache, or a whole fleet, is loaded: it counts like an agent's
    figures, at once, and never for more than one full cache."""
    load, reason = message.load, f"told from outside: {message.reason}"
    fleet_id = await tx.value("fleet_of_store", load.store_id)
    known = await tx.row("lock_fleet", fleet_id) if fleet_id else None
    fleet = known if fleet_id == load.store_id else None
    if fleet is None:
        await decide(tx, "load", f"store/{load.store_id}", reason)
        await _sample(await _capped(load, tx, deps), FOREIGN, tx)
    else:
        await decide(tx, "load", f"cache_fleet/{fleet['id']}", reason)
        figures = load.bytes_per_second, load.streams, load.backlog_bytes
        await tx.run("tell_fleet_load", fleet["id"], *figures)
    await watch_load(tx, deps)
    if fleet_id is not None:
        await keep_fleet(tx, fleet_id, deps)


async def _capped(load: CacheLoad, tx: Tx, deps: Deps) -> CacheLoad:
    """A stranger's figure teaches nobody what a cache can do."""
    known = {each.store_id: each for each in await loads(tx, deps.settings)}.get(load.store_id)
    if known is None:
        return load
    rate = min(load.bytes_per_second, known.shown_bytes_per_second)
    return load.model_copy(update={"bytes_per_second": rate})


async def watch_load(tx: Tx, deps: Deps) -> None:
    """Learn what the caches can do; say each crossing of a mark once."""
    told = deps.settings
    marks = Marks(told.cache_load_high, told.cache_load_low)
    known = {load.store_id: load for load in await loads(tx, told)}
    for row in await tx.rows("stores"):
        load = known[row["id"]]
        high = marks.next(row["high"], utilisation(load))
        shown = max(row["shown_bytes_per_second"] * SHOWN_FADES, load.bytes_per_second)
        await tx.run("load_seen", row["id"], shown, high)
        if high != row["high"]:
            desired = await _desired(row, tx, deps)
            await decide(tx, "load", f"store/{row['id']}", desired.reason)
            kind = CacheLoadHigh if high else CacheLoadLow
            await tx.say(kind(load=load, desired=desired))


async def _desired(store: Record, tx: Tx, deps: Deps) -> DesiredCount:
    """What is wanted of the store's fleet; without one, for all caches of its scope."""
    fleet_id = await tx.value("fleet_of_store", store["id"])
    fleet = await tx.row("fleet", fleet_id) if fleet_id else None
    return (desired_of(fleet) if fleet else None) or await _of_scope(scope_of(store), tx, deps)


async def _of_scope(scope: Scope, tx: Tx, deps: Deps) -> DesiredCount:
    peers = {row["id"] for row in await tx.rows("stores") if scope_of(row) == scope}
    told = deps.settings
    return deps.strategy.desired(
        AutoscaleAsk(
            loads=tuple(load for load in await loads(tx, told) if load.store_id in peers),
            current=len(peers),
            high_water=told.cache_load_high,
            low_water=told.cache_load_low,
            limits=AutoscaleLimits(
                minimum=told.cache_fleet_minimum, maximum=told.cache_fleet_maximum
            ),
        )
    )


async def _sample(load: CacheLoad, host_id: str, tx: Tx) -> None:
    await tx.run("sample", load.store_id, host_id, load.bytes_per_second, load.streams)
