"""What is on a store against the catalogue: scanned, listed, cleaned, adopted."""

from asyncpg import Record
from stowage_contracts.catalogue import Finding, FindingKind
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import (
    AdoptStore,
    CleanStore,
    FindingsListed,
    ListFindings,
    ScanStore,
)
from stowage_contracts.values import StoreRole, StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.intents.adopting import intend_adopt
from image_store.intents.removing import intend_clean
from image_store.intents.scanning import intend_scan
from image_store.model.inventory import removable
from image_store.store import need
from image_store.views import say_trouble

_MOST = 1000
"""Findings in one answer."""


async def on_scan_store(message: ScanStore, tx: Tx, deps: Deps) -> None:
    """Compare it now, whenever it was compared last."""
    if await _listable(message.store_id, tx):
        await intend_scan(tx, message.store_id)


async def on_adopt_store(message: AdoptStore, tx: Tx, deps: Deps) -> None:
    """Take in what its manifests describe."""
    if await _listable(message.store_id, tx):
        await intend_adopt(tx, message.store_id)


async def _listable(store_id: str, tx: Tx) -> bool:
    """Whether an image store can be listed; if it is none, or none yet, nobody can."""
    store = await tx.row("store", store_id)
    if store is None or store["role"] != StoreRole.IMAGE:
        return False
    leaving = await tx.value("being_removed", store_id)
    if StoreState(store["state"]).readable and not leaving:
        return True
    told = "being removed" if leaving else store["state"]
    refused = Conflict(f"the store is {told}", resource=f"store/{store_id}", code="state")
    await say_trouble(tx, store_id, refused.problem)
    return False


async def on_clean_store(message: CleanStore, tx: Tx, deps: Deps) -> None:
    """Those that may go, go; the first that may not is told."""
    store_id, refused = message.store_id, ""
    for finding_id in message.finding_ids:
        row = await tx.row("finding", store_id, finding_id)
        if row is None:
            continue
        if _finding(row, tx, deps).removable:
            await intend_clean(tx, store_id, finding_id)
        else:
            refused = refused or f"{row['kind']} {row['key']!r}"
    if refused:
        early = Conflict(
            f"{refused} may not be removed",
            resource=f"store/{store_id}",
            code="finding",
            hint="orphans and open writes go once two scans saw them and their grace is over",
        )
        await say_trouble(tx, store_id, early.problem)


async def on_list_findings(message: ListFindings, desk: Desk, deps: Deps) -> FindingsListed:
    """A page in the order of their ids."""
    limit = min(max(message.limit, 1), _MOST)
    async with desk.transaction() as tx:
        await need(tx, "store", message.store_id)
        rows = await tx.rows("findings_after", message.store_id, message.after, limit)
        found = tuple(_finding(row, tx, deps) for row in rows)
    return FindingsListed(store_id=message.store_id, findings=found)


def _finding(row: Record, tx: Tx, deps: Deps) -> Finding:
    kind, bounds = FindingKind(row["kind"]), (tx.now, deps.settings.finding_grace_seconds)
    told = ("id", "key", "size", "object", "writer", "first_seen", "last_seen", "sightings")
    may = removable(kind, row["sightings"], row["first_seen"], bounds)
    seen = {name: row[name] for name in told}
    return Finding.model_validate(seen | {"kind": kind, "removable": may})
