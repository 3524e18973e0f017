"""A store that was an image store comes with what lies on it: no byte is moved."""

from collections.abc import AsyncIterator
from datetime import timedelta

from pydantic import ValidationError
from stowage_contracts.catalogue import Manifest
from stowage_contracts.errors import NotFound, StowageError
from stowage_contracts.messages.cache_autoscaler import CacheAdded
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver, NoteKeeper, ObjectStat
from stowage_contracts.values import Id, StoreState, Value, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle, nothing

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.store import need, say_changed, store_row, store_view

PAGE = 200
"""Objects taken in by one transaction."""


class AdoptWork(Value):
    """A store whose objects are to become entries."""

    store_id: Id


async def intend_adopt(tx: Tx, store_id: str) -> None:
    """Take a store's objects in, once at a time."""
    await tx.intend("adopt", AdoptWork(store_id=store_id), key=store_id, within=timedelta(hours=12))


async def adopt(work: AdoptWork, desk: Desk, deps: Deps) -> Settle:
    """Every object with a manifest becomes a ready entry; what is unknown counts as foreign."""
    async with desk.transaction() as tx:
        row = await tx.row("store", work.store_id)
    if row is None or not row["adopting"]:
        return nothing
    driver = await deps.stores.driver(store_row(row))
    seen = taken = 0
    async for page in _pages(driver):
        seen += len(page)
        known = [(stat, await _manifest(driver, stat.key)) for stat in page]
        async with desk.transaction() as tx:
            for stat, manifest in known:
                if manifest is not None and manifest.size == stat.size:
                    taken += await _entry(tx, work.store_id, stat, manifest)
    _, room = await driver.probe()

    async def settle(tx: Tx) -> None:
        found = f"{taken} of {seen} objects found on it are its entries"
        await decide(tx, "adopt", f"store/{work.store_id}", found)
        before = await need(tx, "store", work.store_id)
        checks, can = before["checks"], before["abilities"]
        told = (checks, can, room.total_bytes, room.used_bytes, None)
        state = StoreState.UP
        if before["state"] == StoreState.DRAINING:
            state = StoreState.DRAINING
        await tx.run("store_probed", work.store_id, state, *told)
        await tx.run("adopted", work.store_id)
        await tx.say(CacheAdded(state=store_view(await need(tx, "store", work.store_id))))

    return settle


async def adopt_failed(work: AdoptWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """What was taken in stays; its next good probe begins again."""
    await tx.run("store_error", work.store_id, error.problem.model_dump(mode="json"))
    await say_changed(tx, work.store_id)


async def _pages(driver: ImageStoreDriver) -> AsyncIterator[list[ObjectStat]]:
    page: list[ObjectStat] = []
    async for stat in driver.list():
        page.append(stat)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


async def _manifest(driver: ImageStoreDriver, key: str) -> Manifest | None:
    """None where there is none, or none of ours."""
    if not driver.can.notes:
        return None
    keeper: NoteKeeper = driver  # type: ignore[assignment]
    try:
        return Manifest.model_validate_json(await keeper.read_note(key))
    except (NotFound, ValidationError):
        return None


async def _entry(tx: Tx, store_id: str, stat: ObjectStat, manifest: Manifest) -> int:
    what = manifest.object
    return await tx.run(
        "adopt_entry",
        new_id(),
        store_id,
        manifest.digest,
        manifest.format,
        what.kind,
        what.id,
        stat.key,
        stat.size,
    )
