"""Side effect: a store proves itself, before it is added and ever after."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError, Unavailable
from stowage_contracts.messages.image_store import (
    CapacityWarning,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
)
from stowage_contracts.plugins.image_store_driver import Capacity
from stowage_contracts.values import Id, StoreState, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.intents.hosts import tell_of_hosts
from image_store.keeping.keeper import mind_region
from image_store.model.store_states import probed as state_after
from image_store.store import driver_of, find_store, hosted, need, scope_of
from image_store.views import store_view


class ProbeWork(Value):
    """Probe one store."""

    store_id: Id


@dataclass(frozen=True)
class Found:
    """What a probe brought to light."""

    checks: tuple[ProbeCheck, ...]
    room: Capacity = field(default_factory=Capacity)
    abilities: dict[str, Any] | None = None
    """None when no driver could be asked."""
    used_before: int | None = None
    """What the store was thought to hold when the probe began."""

    @property
    def failed(self) -> ProbeCheck | None:
        """The first check that did not pass."""
        return next((check for check in self.checks if not check.ok), None)


async def intend_probe(tx: Tx, store_id: str) -> None:
    """Probe a store, once at a time."""
    work = ProbeWork(store_id=store_id)
    await tx.intend("probe", work, key=store_id, within=timedelta(minutes=2))


async def probe(work: ProbeWork, desk: Desk, deps: Deps) -> Settle:
    """Ask the store to prove itself; a new one is made ready first, and undone if it fails."""
    store = await find_store(desk, work.store_id)
    adding = store["state"] == StoreState.ADDING
    lifecycle = await deps.stores.lifecycle(hosted(store))
    if adding:
        await lifecycle.initialize()
        await lifecycle.attach(scope_of(store))
    driver = await driver_of(store, deps.stores)
    checks, room = await driver.probe()
    found = Found(checks, room, driver.can.model_dump(mode="json"), store["used_bytes"])
    if adding and found.failed:
        await lifecycle.delete()

    async def settle(tx: Tx) -> None:
        await record(tx, work.store_id, found, deps)

    return settle


async def record(tx: Tx, store_id: str, found: Found, deps: Deps) -> None:
    """Take what a probe found as the store's own."""
    before = await tx.row("lock_store", store_id)
    if before is None:
        return
    failed, state = found.failed, StoreState(before["state"])
    await tx.run(
        "store_probed",
        store_id,
        state_after(state, StoreState(before["wished"]), good=failed is None),
        [check.model_dump(mode="json") for check in found.checks],
        found.abilities or before["abilities"],
        before["total_bytes"] if failed else found.room.total_bytes,
        before["used_bytes"] if failed else _used(found, before),
        check_failed(store_id, failed).model_dump(mode="json") if failed else None,
    )
    row = await need(tx, "store", store_id)
    await _say_probed(tx, state, row)
    if row["state"] == StoreState.REMOVED:
        await deps.stores.forget(store_id)
    else:
        await _warn(tx, row, deps)


def _used(found: Found, now: Record) -> int | None:
    """As measured, and what became Ready while it was: the measure may have missed that."""
    measured, began, current = found.room.used_bytes, found.used_before, now["used_bytes"]
    if measured is None or began is None or current is None:
        return measured
    meanwhile: int = max(0, current - began)
    return measured + meanwhile


def check_failed(store_id: str, check: ProbeCheck) -> Problem:
    """What a failed check means for its store."""
    return Unavailable(
        f"probe step {check.name!r} failed: {check.cause}",
        resource=f"store/{store_id}",
        code=check.code or check.name,
        hint="mend the store or its settings",
    ).problem


async def _say_probed(tx: Tx, before: StoreState, row: Record) -> None:
    after, view = StoreState(row["state"]), store_view(row)
    if after is StoreState.REMOVED:
        await tx.run("drop_store", row["id"])
        await tx.say(StoreRejected(state=view))
    elif before is StoreState.ADDING:
        await tx.say(StoreAdded(state=view))
        await mind_region(tx)
        await tell_of_hosts(tx, row)
    elif after is StoreState.DEGRADED and before is not StoreState.DEGRADED:
        await tx.say(StoreDegraded(state=view))
    else:
        await tx.say(StoreChanged(state=view))


async def _warn(tx: Tx, row: Record, deps: Deps) -> None:
    """One warning for each crossing of the mark."""
    if row["total_bytes"] is None:
        return
    used = row["used_bytes"] or 0
    high = used >= row["total_bytes"] * deps.settings.capacity_warning
    if await tx.run("store_warned", row["id"], high) and high:
        warning = CapacityWarning(
            store_id=row["id"], used_bytes=used, total_bytes=row["total_bytes"]
        )
        await tx.say(warning)


async def probe_failed(work: ProbeWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The probe itself could not run: the same as a failed check."""
    check = ProbeCheck(name="probe", ok=False, code=error.code, cause=error.cause)
    await record(tx, work.store_id, Found((check,)), deps)
