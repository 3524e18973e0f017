"""Side effect: new settings or secrets of a store are tried, and hold only if they work."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Conflict, StowageError
from stowage_contracts.plugins import ImageStoreDriver
from stowage_contracts.values import Id, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle, nothing
from stowage_stores.hosting import StoreRow

from image_store.deps import Deps
from image_store.intents.probing import Found, check_failed, record
from image_store.store import find_store
from image_store.views import say_trouble


class TrialWork(Value):
    """A store with settings on trial."""

    store_id: Id


async def intend_trial(tx: Tx, store_id: str) -> None:
    """Try a store's new settings."""
    work = TrialWork(store_id=store_id)
    await tx.intend("trial", work, key=store_id, within=timedelta(minutes=2))


async def attempt(work: TrialWork, desk: Desk, deps: Deps) -> Settle:
    """Probe with a driver of its own, and look for what is already there."""
    store = await find_store(desk, work.store_id)
    if store["new_settings"] is None:
        return nothing
    async with desk.transaction() as tx:
        there = await tx.rows("some_ready_on", work.store_id)
    row = StoreRow(store["id"], store["provider"], store["new_settings"], store["new_sealed"])
    async with deps.stores.trial(row) as driver:
        checks, room = await driver.probe()
        checks = (*checks, *[await _shows(driver, ref) for ref in there])
        found = Found(checks, room, driver.can.model_dump(mode="json"))

    async def settle(tx: Tx) -> None:
        await _settle(tx, store, found, deps)

    return settle


async def _shows(driver: ImageStoreDriver, ref: Record) -> ProbeCheck:
    """Settings that lead to another place do not show what is on the store."""
    try:
        same = (await driver.stat(ref["install_path"])).size == ref["size"]
        code, cause = ("", "") if same else ("conflict.size", "it has another size there")
    except StowageError as error:
        same, code, cause = False, error.code, error.cause
    told = f"{ref['install_path']}: {cause}" if cause else ""
    return ProbeCheck(name="replicas", ok=same, code=code, cause=told)


async def _settle(tx: Tx, tried: Record, found: Found, deps: Deps) -> None:
    now = await tx.row("lock_store", tried["id"])
    if now is None or now["new_settings"] is None:
        return
    if (now["new_settings"], now["new_sealed"]) != (tried["new_settings"], tried["new_sealed"]):
        await intend_trial(tx, tried["id"])
    elif found.failed is not None:
        await tx.run("drop_settings", tried["id"])
        await say_trouble(tx, tried["id"], check_failed(tried["id"], found.failed))
    elif await tx.value("place_taken", now["id"], now["provider"], now["new_settings"]):
        await tx.run("drop_settings", tried["id"])
        taken = Conflict("this place is already a store", resource=f"store/{tried['id']}")
        await say_trouble(tx, tried["id"], taken.problem)
    else:
        await tx.run("take_settings", tried["id"])
        await record(tx, tried["id"], found, deps)


async def attempt_failed(work: TrialWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """They could not even be tried: the old ones stay."""
    await tx.run("drop_settings", work.store_id)
    await say_trouble(tx, work.store_id, error.problem)
