"""Rows to values: what cache-autoscaler's tables say, in contract words."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import NotFound, Problem
from stowage_contracts.messages.cache_autoscaler import CacheChanged
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_contracts.values import (
    CopyEnd,
    GrantRef,
    ObjectRef,
    Scope,
    ScopeType,
    ServiceName,
    StoreRole,
    StoreState,
)
from stowage_contracts.views import CacheLoad, ProbeCheck, StoreView
from stowage_runtime.handling.tx import Tx
from stowage_stores.hosting import StoreRow

from cache_autoscaler.model.entries import Cache, Entry, EntryState, Totals
from cache_autoscaler.settings import Settings


def secret_row(store_id: str) -> str:
    """What a cache store's sealed secrets are bound to at rest."""
    return f"cache_stores/{store_id}"


async def need(tx: Tx, query: str, key: str) -> Record:
    """The one row of a query by id; raises NotFound."""
    row = await tx.row(query, key)
    if row is None:
        raise NotFound(f"no such {query}", resource=f"{query}/{key}", code=query)
    return row


def store_row(row: Record) -> StoreRow:
    """What of a store's row makes its driver."""
    return StoreRow(row["id"], row["provider"], row["settings"], row["sealed"])


def store_view(row: Record) -> StoreView:
    """A cache store's public state; used are foreign bytes and what entries keep."""
    error = row["error"]
    return StoreView(
        id=row["id"],
        name=row["name"],
        provider=row["provider"],
        role=StoreRole.IMAGE_CACHE,
        scope=scope_of(row),
        state=row["state"],
        settings=row["settings"],
        total_bytes=row["total_bytes"],
        used_bytes=row["foreign_bytes"] + row["kept_bytes"],
        reserved_bytes=row["reserved_bytes"],
        checks=tuple(ProbeCheck.model_validate(check) for check in row["checks"]),
        error=Problem.model_validate(error) if error else None,
    )


def scope_of(row: Record) -> Scope:
    """The scope of a store row."""
    return Scope(type=ScopeType(row["scope_type"]), id=row["scope_id"], zone_id=row["zone_id"])


def abilities_of(row: Record) -> DriverAbilities:
    """What the store's driver said it can do, at its last probe."""
    return DriverAbilities.model_validate(row["abilities"] or {"schemes": ()})


def cache_end(entry: Record, store: Record, grant_id: str) -> CopyEnd:
    """An entry as an end of a copy."""
    can = abilities_of(store)
    return CopyEnd(
        object=ObjectRef(kind=entry["object_kind"], id=entry["object_id"]),
        role=StoreRole.IMAGE_CACHE,
        provider=store["provider"],
        store_id=store["id"],
        scope=scope_of(store),
        schemes=can.schemes,
        root=can.root,
        key=entry["key"],
        format=entry["format"],
        grant=GrantRef(id=grant_id, owner=ServiceName.CACHE_AUTOSCALER),
    )


async def lock_stores(tx: Tx) -> None:
    """Nobody else places anything, and no store that is there changes, while this transaction
    lasts."""
    await tx.value("place_alone")
    await tx.rows("lock_stores")


async def caches(tx: Tx, settings: Settings, wanted: tuple[str, str]) -> tuple[Cache, ...]:
    """Every cache store with its load, the sums of its entries, and those of one digest and
    format."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    for row in await tx.rows("entries_like", *wanted):
        entries[row["store_id"]].append(entry_of(row))
    rows = await tx.rows("stores")
    told = {load.store_id: load for load in await loads(tx, settings, rows)}
    sums = {row["store_id"]: _totals(row) for row in await tx.rows("totals")}
    return tuple(
        _cache(row, told[row["id"]], (sums.get(row["id"], Totals()), entries[row["id"]]), settings)
        for row in rows
    )


async def whole(tx: Tx, cache: Cache) -> Cache:
    """The same with all its entries."""
    rows = await tx.rows("entries_on", cache.view.id)
    return replace(cache, entries=tuple(map(entry_of, rows)), whole=True)


async def loads(
    tx: Tx, settings: Settings, stores: Sequence[Record] | None = None
) -> tuple[CacheLoad, ...]:
    """What each cache store carries now, against what it has shown."""
    rows = {row["id"]: row for row in await tx.rows("loads", settings.cache_load_seconds)}
    stores = await tx.rows("stores") if stores is None else stores
    return tuple(_load(rows[row["id"]], row, settings) for row in stores)


async def say_changed(tx: Tx, store_id: str) -> None:
    """Tell a store's fill and state as they are now."""
    row = await tx.row("store", store_id)
    if row is not None and row["state"] != StoreState.ADDING:
        await tx.say(CacheChanged(state=store_view(row)))


def _totals(row: Record) -> Totals:
    return Totals(**{name: row[name] for name in Totals.__dataclass_fields__})


def _cache(row: Record, load: CacheLoad, held: tuple[Totals, list[Entry]], told: Settings) -> Cache:
    totals, entries = held
    can = abilities_of(row)
    room = told.cache_endless_bytes if row["total_bytes"] is None else row["total_bytes"]
    limit = max(0, int(room * told.cache_fill_limit) - row["foreign_bytes"])
    return Cache(
        view=store_view(row),
        load=load,
        schemes=can.schemes,
        root=can.root,
        limit=limit,
        totals=totals,
        entries=tuple(entries),
        whole=False,
        high=told.cache_evict_high,
        low=told.cache_evict_low,
    )


def entry_of(row: Any) -> Entry:
    """A row as the rules see it."""
    return Entry(
        id=row["id"],
        digest=row["digest"],
        format=row["format"],
        size=row["size"],
        state=EntryState(row["state"]),
        pinned=row["pinned"],
        fill_copy=row["fill_copy"],
        hits=row["hits"],
        last_used=row["last_used"],
        fill_seconds=row["fill_seconds"],
        held_until=row["held_until"],
    )


def _load(row: Record, store: Record, told: Settings) -> CacheLoad:
    return CacheLoad(
        store_id=row["id"],
        bytes_per_second=row["bytes_per_second"],
        streams=row["streams"],
        shown_bytes_per_second=max(row["shown_bytes_per_second"], told.cache_shown_floor),
        used_bytes=store["foreign_bytes"] + store["kept_bytes"],
        total_bytes=store["total_bytes"] or told.cache_endless_bytes,
        backlog_bytes=row["backlog_bytes"],
    )
