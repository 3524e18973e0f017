"""Side effect: the catalogue is rebuilt from the manifests on a store."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from asyncpg import Record
from stowage_contracts.catalogue import FindingKind, Manifest
from stowage_contracts.errors import ImageRefused, StowageError
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver, ObjectStat
from stowage_contracts.values import Id, ReplicaState, StoreState, Value, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.intents.scanning import take_stock
from image_store.intents.sweeping import PAGE, manifest_at
from image_store.judging import inspection
from image_store.model.manifests import believable
from image_store.model.store_states import Verb, check
from image_store.objects.replicas import fail_replica
from image_store.objects.rows import NewRef, add_object, add_ref
from image_store.store import driver_of, find_store, need
from image_store.views import say_changed, say_trouble


class AdoptWork(Value):
    """A store whose objects are to be known again."""

    store_id: Id
    scan_id: Id


async def intend_adopt(tx: Tx, store_id: str) -> None:
    """Adopt a store's objects, once at a time."""
    work = AdoptWork(store_id=store_id, scan_id=new_id())
    await tx.intend("adopt", work, key=store_id, within=timedelta(hours=12))


async def adopt(work: AdoptWork, desk: Desk, deps: Deps) -> Settle:
    """Take every object with a manifest into the catalogue; list the others as orphans."""
    store = await find_store(desk, work.store_id)
    check(Verb.READ, StoreState(store["state"]), store["id"])
    driver = await driver_of(store, deps.stores)
    count, page = 0, list[ObjectStat]()
    async for stat in driver.list():
        count += 1
        page.append(stat)
        if len(page) == PAGE:
            await _page(page, work, driver, desk)
            page = []
    await _page(page, work, driver, desk)

    async def settle(tx: Tx) -> None:
        await take_stock(tx, work.store_id, count)

    return settle


async def _page(
    page: Sequence[ObjectStat], work: AdoptWork, driver: ImageStoreDriver, desk: Desk
) -> None:
    orphans = []
    for stat in await _unknown(page, work.store_id, desk):
        manifest = await manifest_at(driver, stat.key)
        if manifest is not None and not believable(manifest, stat.key):
            manifest = None
        if manifest is None or not await _adopted(stat, manifest, work.store_id, desk):
            orphans.append(_orphan(stat, manifest))
    async with desk.transaction() as tx:
        await tx.run("saw", work.store_id, work.scan_id, orphans)


async def _unknown(page: Sequence[ObjectStat], store_id: str, desk: Desk) -> list[ObjectStat]:
    """Objects that no replica stands for, or one that nobody could vouch for."""
    keys = [stat.key for stat in page]
    async with desk.transaction() as tx:
        known = await tx.rows("keys_known", store_id, keys)
        going = {row["key"] for row in await tx.rows("keys_going", store_id, keys)}
    taken = {ref["install_path"] for ref in known if not _unvouched(ref)} | going
    return [stat for stat in page if stat.key not in taken]


def _unvouched(ref: Record) -> bool:
    return ref["state"] == ReplicaState.FAILED and ref["digest"] is None


async def _adopted(stat: ObjectStat, manifest: Manifest, store_id: str, desk: Desk) -> bool:
    """Whether it was taken in; False where the catalogue says otherwise of that object."""
    what = manifest.object
    async with desk.transaction() as tx:
        if not await _object(manifest, tx):
            return False
        store = await need(tx, "store", store_id)
        known = await tx.row("ref_on", what.noun, what.id, store_id)
        if known is not None and (known["install_path"] != stat.key or not _unvouched(known)):
            return bool(known["install_path"] == stat.key)
        if known is not None:
            await tx.run("drop_ref", known["id"])
        await _inspect(stat, manifest, store, tx)
        await tx.run("drop_finding_at", store_id, FindingKind.ORPHAN, stat.key)
        await say_changed(tx, what)
    return True


async def _object(manifest: Manifest, tx: Tx) -> bool:
    """The object of a manifest, known or made; False if its id means something else now."""
    what = manifest.object
    row = await tx.row("object", what.noun, what.id)
    if row is not None:
        return not row["removed"] and (row["kind"], row["account_id"]) == (
            what.kind,
            manifest.account_id,
        )
    if await tx.value("id_taken", what.id, what.noun):
        return False
    given = manifest.model_dump(
        mode="json",
        exclude={"version", "object", "scope", "size", "digest", "virtual_size", "created"},
    )
    scope = manifest.scope
    given["zones"] = list(manifest.zones or ([scope.zone_id] if scope.zone_id else []))
    await add_object(tx, what, **given, scope_type=scope.type, origin="adopted")
    await tx.run("object_adopted", what.noun, what.id, manifest.created, manifest.virtual_size)
    return True


async def _inspect(stat: ObjectStat, manifest: Manifest, store: Record, tx: Tx) -> None:
    new = NewRef(
        what=manifest.object,
        account_id=manifest.account_id,
        store=store,
        install_path=stat.key,
        format=manifest.format,
    )
    ref = await add_ref(tx, new)
    whole = stat.size == manifest.size
    await tx.run("ref_known", ref["id"], stat.size, manifest.digest if whole else None, 0)
    ref = await need(tx, "ref", ref["id"])
    if whole:
        await inspection.adopt(tx, ref)
        return
    lie = ImageRefused(
        f"it has {stat.size} bytes, its manifest says {manifest.size}",
        code="size",
        resource=str(manifest.object),
        hint="the bytes were left where they are",
    )
    await fail_replica(tx, ref, lie.problem)


def _orphan(stat: ObjectStat, manifest: Manifest | None) -> dict[str, Any]:
    return {
        "kind": FindingKind.ORPHAN,
        "key": stat.key,
        "writer": "",
        "session": "",
        "size": stat.size,
        "object": manifest.object.model_dump(mode="json") if manifest else None,
    }


async def adopt_failed(work: AdoptWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The store tells so; what was adopted stays."""
    await say_trouble(tx, work.store_id, error.problem)
