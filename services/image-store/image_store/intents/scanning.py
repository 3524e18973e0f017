"""Side effect: a store is compared with the catalogue, in bounded memory."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.catalogue import FindingKind
from stowage_contracts.errors import Conflict, NotFound, Problem, StowageError
from stowage_contracts.values import Id, ReplicaState, StoreState, Value, new_id
from stowage_contracts.views import InventoryView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.intents.cleaning import PATIENCE, ObjectWork
from image_store.intents.sweeping import PAGE, Sweep
from image_store.model.store_states import Verb, check
from image_store.objects.replicas import damaged
from image_store.store import driver_of, find_store, lock_ref
from image_store.views import say_store, say_trouble

_NOBODY = "unknown"
"""Names the writer of a write where its store cannot tell."""


class ScanWork(Value):
    """One comparison of a store with the catalogue."""

    store_id: Id
    scan_id: Id


async def intend_scan(tx: Tx, store_id: str) -> None:
    """Compare a store with the catalogue, once at a time."""
    await tx.run("scan_began", store_id)
    work = ScanWork(store_id=store_id, scan_id=new_id())
    await tx.intend("scan", work, key=store_id, within=timedelta(hours=12))


async def scan(work: ScanWork, desk: Desk, deps: Deps) -> Settle:
    """Look at every object and every unfinished write; have damage mended and debris given up."""
    store = await find_store(desk, work.store_id)
    check(Verb.READ, StoreState(store["state"]), store["id"])
    sweep = Sweep(work.store_id, work.scan_id, desk, await driver_of(store, deps.stores))
    objects = await sweep.objects()
    await sweep.writes()
    while await _mend(work, desk):
        continue
    await _give_up_writes(work, desk, deps)

    async def settle(tx: Tx) -> None:
        await tx.run("drop_unseen", work.store_id, work.scan_id)
        await take_stock(tx, work.store_id, objects)

    return settle


async def take_stock(tx: Tx, store_id: str, objects: int | None = None) -> None:
    """Show what was found; ``objects`` as counted by a scan, or as the last one did."""
    store = await tx.row("lock_store", store_id)
    if store is None or (objects is None and store["inventory"] is None):
        return
    counts = {row["kind"]: row["count"] for row in await tx.rows("findings_by_kind", store_id)}
    view = InventoryView(
        scanned=tx.now if objects is not None else store["inventory"]["scanned"],
        objects=store["inventory"]["objects"] if objects is None else objects,
        orphans=counts.get(FindingKind.ORPHAN, 0),
        missing=counts.get(FindingKind.MISSING, 0),
        mismatched=counts.get(FindingKind.MISMATCHED, 0),
        open_writes=counts.get(FindingKind.OPEN_WRITE, 0),
    )
    await tx.run("inventory", store_id, view.model_dump(mode="json"))
    await say_store(tx, store_id)


async def _mend(work: ScanWork, desk: Desk) -> int:
    """What two scans found missing or changed is no replica any more; the keeper mends it."""
    async with desk.transaction() as tx:
        page = await tx.rows("damage_found", work.store_id, work.scan_id, PAGE)
    for found in page:
        async with desk.transaction() as tx:
            ref = await lock_ref(tx, found["ref_id"])
            if ref is not None and ref["state"] == ReplicaState.READY:
                await damaged(tx, ref, _damage(found, ref))
    return len(page)


def _damage(found: Record, ref: Record) -> Problem:
    where = f"store/{ref['store_id']}"
    if found["kind"] == FindingKind.MISSING:
        return NotFound("its object is gone", resource=where, code="missing").problem
    told = f"its object has {found['size']} bytes instead of {ref['size']}"
    return Conflict(told, resource=where, code="mismatched").problem


async def _give_up_writes(work: ScanWork, desk: Desk, deps: Deps) -> None:
    """Unfinished writes that nobody makes are debris of no use to anybody."""
    grace = deps.settings.finding_grace_seconds
    async with desk.transaction() as tx:
        page = await tx.rows("writes_abandoned", work.store_id, work.scan_id, grace, PAGE)
        keys = [found["key"] for found in page]
        live = {row["key"] for row in await tx.rows("writers_at", work.store_id, keys)}
        for found in page:
            if found["key"] not in live:
                debris = revocation(found)
                await tx.intend("revoke", debris, key=debris.name, within=PATIENCE)


def revocation(found: Record) -> ObjectWork:
    """What gives up an unfinished write that was found."""
    return ObjectWork(
        store_id=found["store_id"],
        key=found["key"],
        writer=found["writer"] or _NOBODY,
        session=found["session"],
    )


async def scan_failed(work: ScanWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The store tells so; what was known before stays."""
    await say_trouble(tx, work.store_id, error.problem)
