"""Stores prove themselves by a real write and read, within a deadline."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheAdded, CacheChanged, CacheRejected
from stowage_contracts.plugins.image_store_driver import Capacity, ImageStoreDriver
from stowage_contracts.values import Id, StoreState, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents.adopting import intend_adopt
from cache_autoscaler.store import need, store_row, store_view

DEADLINE = timedelta(seconds=30)
Found = tuple[tuple[ProbeCheck, ...], Capacity]


class ProbeWork(Value):
    """Probe one store."""

    store_id: Id


async def intend_probe(tx: Tx, store_id: str) -> None:
    """Probe a store, once at a time; one that keeps it waiting has failed."""
    await tx.intend("probe", ProbeWork(store_id=store_id), key=store_id, within=DEADLINE)


async def probe(work: ProbeWork, desk: Desk, deps: Deps) -> Settle:
    """Ask the store to prove itself."""
    async with desk.transaction() as tx:
        row = await need(tx, "store", work.store_id)
    driver = await deps.stores.driver(store_row(row))
    found = await driver.probe()

    async def settle(tx: Tx) -> None:
        await _probed(tx, work.store_id, found, driver)
        if await tx.row("store", work.store_id) is None:
            await deps.stores.forget(work.store_id)

    return settle


async def probe_failed(work: ProbeWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The probe could not run, or kept us waiting: the same as a failed check."""
    check = ProbeCheck(name="probe", ok=False, code=error.code, cause=error.cause)
    await _probed(tx, work.store_id, ((check,), Capacity()), None)


async def _probed(tx: Tx, store_id: str, found: Found, driver: ImageStoreDriver | None) -> None:
    before = await tx.row("store", store_id)
    if before is None:
        return
    checks, room = found
    failed = next((check for check in checks if not check.ok), None)
    state = _state_after(before, failed is None)
    can = driver.can.model_dump(mode="json") if driver else before["abilities"]
    error = _check_failed(store_id, failed).model_dump(mode="json") if failed else None
    total = room.total_bytes if failed is None else before["total_bytes"]
    used = room.used_bytes if failed is None else before["foreign_bytes"] + before["kept_bytes"]
    rows = [check.model_dump(mode="json") for check in checks]
    await tx.run("store_probed", store_id, state, rows, can, total, used, error)
    if before["adopting"] and failed is None:
        await intend_adopt(tx, store_id)
    else:
        await _say_probed(tx, before, store_id)


def _state_after(before: Record, good: bool) -> StoreState:
    state = StoreState(before["state"])
    if before["adopting"] and good:
        return state
    if state is StoreState.ADDING and not before["adopting"]:
        return StoreState.UP if good else StoreState.REMOVED
    if state is StoreState.DRAINING:
        return state
    return StoreState.UP if good else StoreState.DEGRADED


def _check_failed(store_id: str, check: ProbeCheck) -> Problem:
    return Unavailable(
        f"probe step {check.name!r} failed: {check.cause}",
        resource=f"store/{store_id}",
        code=check.code or check.name,
        hint="mend the store or its settings; it is probed again",
    ).problem


async def _say_probed(tx: Tx, before: Record, store_id: str) -> None:
    row = await need(tx, "store", store_id)
    view = store_view(row)
    if view.state is StoreState.REMOVED:
        await tx.run("drop_store", store_id)
        await tx.say(CacheRejected(state=view))
        return
    if before["state"] == StoreState.ADDING and not before["adopting"]:
        await tx.say(CacheAdded(state=view))
        return
    if view.state != before["state"]:
        reason = view.error.cause if view.error else "its probe passed again"
        kind = "degraded" if view.error else "recovered"
        await decide(tx, kind, f"store/{store_id}", reason)
    await tx.say(CacheChanged(state=view))
