"""What a fleet wants: its load, its backlog and its rhythm, put to its strategy."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from asyncpg import Record
from stowage_contracts.plugins import AutoscaleStrategy
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, AutoscaleLimits, Usual
from stowage_contracts.views import CacheLoad, DesiredCount
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import fleet_metrics
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.fleets import desired_of, limits_of
from cache_autoscaler.model.fleets import Member, serves
from cache_autoscaler.model.rhythm import slot, usual
from cache_autoscaler.store import loads

MOST_GAP = timedelta(minutes=1)
"""Longer without a look, the time between is not known."""
_log = structlog.get_logger(__name__)


async def want(tx: Tx, row: Record, members: Sequence[Member], deps: Deps) -> DesiredCount:
    """What its strategy says now; kept, and decided where the count changed."""
    asked = await ask_of(tx, row, members, deps)
    before = desired_of(row)
    answer = _answer(deps, limits_of(row).strategy, asked, before)
    desired = _at_least_for_who_waits(asked, answer)
    backlog = asked.backlog_bytes + sum(load.backlog_bytes for load in asked.loads)
    await tx.run("fleet_wants", row["id"], desired.model_dump(mode="json"), backlog)
    fleet_metrics.wanted(row["id"], desired.count, backlog)
    if before is None or before.count != desired.count:
        await decide(
            tx,
            "desired",
            f"cache_fleet/{row['id']}",
            desired.reason,
            count=desired.count,
            current=asked.current,
            strategy=desired.strategy,
            backlog_bytes=backlog,
        )
    return desired


def _answer(
    deps: Deps, strategy: str, asked: AutoscaleAsk, before: DesiredCount | None
) -> DesiredCount:
    """What a strategy answers; one that fails changes nothing."""
    try:
        return pick(deps, strategy).desired(asked)
    except Exception as error:  # a stranger's code may raise anything
        reason = f"strategy {strategy!r} failed: {type(error).__name__}: {error}"
        if before is None or before.reason != reason:
            _log.exception("strategy failed", strategy=strategy)
        return DesiredCount(count=asked.current, reason=reason, strategy=strategy)


def pick(deps: Deps, strategy: str) -> AutoscaleStrategy:
    """The plug-in of this name, or the service's own default; raises NotFound."""
    found: AutoscaleStrategy = deps.strategies.pick(strategy) if strategy else deps.strategy
    return found


async def ask_of(tx: Tx, row: Record, members: Sequence[Member], deps: Deps) -> AutoscaleAsk:
    """A fleet's case: spares are not part of what works, so that they are not wanted again."""
    limits, told = limits_of(row), deps.settings
    working = {m.id for m in members if serves(m, tx.now)}
    theirs = tuple(load for load in await _loads(tx, deps) if load.store_id in working)
    shown = max((load.shown_bytes_per_second for load in theirs), default=told.cache_shown_floor)
    foreign = await _foreign(tx, row, shown, deps)
    (waits,) = await tx.rows("fleet_backlog", row["id"])
    return AutoscaleAsk(
        loads=(*theirs, *foreign),
        current=max(0, len(working) - limits.spare),
        limits=AutoscaleLimits(minimum=limits.minimum, maximum=limits.maximum),
        high_water=told.cache_load_high,
        low_water=told.cache_load_low,
        backlog_bytes=waits["bytes"],
        backlog_copies=waits["copies"],
        deadline_seconds=limits.deadline_seconds,
        member_bytes_per_second=shown,
        spawn_seconds=row["spawn_seconds"],
        now=tx.now,
        usual=await _usual(tx, row["id"]),
    )


async def measure(tx: Tx, row: Record, members: Sequence[Member]) -> None:
    """Add what went through a fleet since the last look to its rhythm."""
    since = row["measured"]
    await tx.run("fleet_measured", row["id"])
    rate = sum(m.bytes_per_second for m in members)
    if since is None or rate <= 0:
        return
    seconds = min(tx.now - since, MOST_GAP).total_seconds()
    await tx.run("add_to_rhythm", row["id"], tx.now.date(), slot(tx.now), rate * seconds)


def _at_least_for_who_waits(asked: AutoscaleAsk, desired: DesiredCount) -> DesiredCount:
    """Whatever is wanted, one VM has to come for copies that have none at all."""
    if desired.count or not asked.backlog_bytes or asked.limits.maximum < 1:
        return desired
    why = f"{asked.backlog_bytes} bytes wait for a first VM; {desired.reason}"
    return desired.model_copy(update={"count": 1, "reason": why})


async def _loads(tx: Tx, deps: Deps) -> tuple[CacheLoad, ...]:
    """Of every store, looked up once for all fleets of a transaction."""
    if "loads" not in tx.memo:
        tx.memo["loads"] = await loads(tx, deps.settings)
    found: tuple[CacheLoad, ...] = tx.memo["loads"]
    return found


async def _usual(tx: Tx, fleet_id: str) -> tuple[Usual, ...]:
    rows = await tx.rows("rhythm", fleet_id, tx.now.date())
    return usual({row["slot"]: row["bytes"] for row in rows}, rows[0]["days"] if rows else 0)


async def _foreign(tx: Tx, row: Record, shown: float, deps: Deps) -> tuple[CacheLoad, ...]:
    """Load told from outside counts as one more full member at most, its backlog as what the
    whole fleet does within its deadline."""
    told = await tx.row("fleet_load", row["id"], deps.settings.cache_load_seconds)
    if told is None:
        return ()
    limits = limits_of(row)
    most = int(shown * limits.deadline_seconds * max(1, limits.maximum))
    load = CacheLoad(
        store_id=row["id"],
        bytes_per_second=min(told["bytes_per_second"], shown),
        shown_bytes_per_second=shown,
        streams=told["streams"],
        backlog_bytes=min(told["backlog_bytes"], most),
    )
    return (load,)
