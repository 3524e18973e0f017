"""Load: what agents saw, what the caches have shown, and what crossing a mark says."""

from stowage_contracts.messages.cache_autoscaler import CacheLoadHigh, CacheLoadLow, ReportCacheLoad
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, AutoscaleLimits
from stowage_contracts.values import Scope
from stowage_contracts.views import CacheLoad, DesiredCount
from stowage_runtime.handling.tx import Tx

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
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
    """Somebody outside says a cache is loaded: it counts like an agent's figures, at once."""
    reason = f"told from outside: {message.reason}"
    await decide(tx, "load", f"store/{message.load.store_id}", reason)
    await _sample(message.load, FOREIGN, tx)
    await watch_load(tx, deps)


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
            desired = await _desired(scope_of(row), tx, deps)
            await decide(tx, "load", f"store/{row['id']}", desired.reason)
            kind = CacheLoadHigh if high else CacheLoadLow
            await tx.say(kind(load=load, desired=desired))


async def _desired(scope: Scope, tx: Tx, deps: Deps) -> DesiredCount:
    """What the strategy wants for all caches of one scope."""
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
