"""Side effects of image-store: probe and commit on a store; ``cleaning`` has the others."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import NotFound, Problem, StowageError, Unavailable
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.image_store import (
    CapacityWarning,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
)
from stowage_contracts.plugins.image_store_driver import Capacity, CommitAsk
from stowage_contracts.values import Id, StoreState, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.cleaning import CLEANING, intend_delete_bytes
from image_store.deps import Deps
from image_store.store import driver_of, need
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


class CommitWork(Value):
    """A hop to commit."""

    commit: CommitHop


async def intend_probe(tx: Tx, store_id: str) -> None:
    """Probe a store, once at a time."""
    work = ProbeWork(store_id=store_id)
    await tx.intend("probe", work, key=store_id, within=timedelta(minutes=2))


async def intend_commit(tx: Tx, message: CommitHop) -> None:
    """Commit a hop, once at a time."""
    work = CommitWork(commit=message)
    await tx.intend("commit", work, key=message.hop_id, within=timedelta(hours=1))


async def _store(desk: Desk, store_id: str) -> Record:
    async with desk.transaction() as tx:
        row = await tx.row("store", store_id)
    if row is None:
        raise NotFound("the store was removed", resource=f"store/{store_id}", code="store")
    return row


async def probe(work: ProbeWork, desk: Desk, deps: Deps) -> Settle:
    """Ask the store to prove itself."""
    store = await _store(desk, work.store_id)
    driver = await driver_of(store, deps.stores)
    checks, room = await driver.probe()
    abilities = driver.can.model_dump(mode="json")

    async def settle(tx: Tx) -> None:
        await _probed(tx, work.store_id, Found(checks, room, abilities), deps)

    return settle


async def _probed(tx: Tx, store_id: str, found: Found, deps: Deps) -> None:
    before = await tx.row("lock_store", store_id)
    if before is None:
        return
    failed = next((check for check in found.checks if not check.ok), None)
    state = StoreState(before["state"])
    error = _check_failed(store_id, failed).model_dump(mode="json") if failed else None
    await tx.run(
        "store_probed",
        store_id,
        _state_after(state, failed is None),
        [check.model_dump(mode="json") for check in found.checks],
        found.abilities or before["abilities"],
        before["total_bytes"] if failed else found.room.total_bytes,
        before["used_bytes"] if failed else found.room.used_bytes,
        error,
    )
    row = await need(tx, "store", store_id)
    await _say_probed(tx, state, row)
    if row["state"] == StoreState.REMOVED:
        await deps.stores.forget(store_id)
    else:
        await _warn(tx, row, deps)


def _state_after(state: StoreState, good: bool) -> StoreState:
    if state is StoreState.DRAINING:
        return state
    if not good:
        return StoreState.REMOVED if state is StoreState.ADDING else StoreState.DEGRADED
    healed = {StoreState.ADDING, StoreState.DEGRADED}
    return StoreState.UP if state in healed else state


def _check_failed(store_id: str, check: ProbeCheck) -> Problem:
    return Unavailable(
        f"probe step {check.name!r} failed: {check.cause}",
        resource=f"store/{store_id}",
        code=check.code or check.name,
        hint="mend the store or its settings and add it again",
    ).problem


async def _say_probed(tx: Tx, before: StoreState, row: Record) -> None:
    after, view = StoreState(row["state"]), store_view(row)
    if after is StoreState.REMOVED:
        await tx.run("drop_store", row["id"])
        await tx.say(StoreRejected(state=view))
    elif before is StoreState.ADDING:
        await tx.say(StoreAdded(state=view))
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
    await _probed(tx, work.store_id, Found((check,)), deps)


async def commit(work: CommitWork, desk: Desk, deps: Deps) -> Settle:
    """Make the destination visible; the driver recognises its own after a lost reply."""
    message = work.commit
    async with desk.transaction() as tx:
        grant = await tx.row("grant", message.destination.grant.id)
        ref = await tx.row("read_ref", grant["ref_id"]) if grant else None
    if grant is None or ref is None or grant["state"] == "revoked":
        raise _revoked(message)
    store = await _store(desk, ref["store_id"])
    ask = CommitAsk(
        key=ref["install_path"],
        writer=grant["writer"],
        session=grant["session"],
        receipt=message.receipt,
    )
    await (await driver_of(store, deps.stores)).commit(ask)

    async def settle(tx: Tx) -> None:
        now = await tx.row("grant", grant["id"])
        if now is None or now["state"] == "revoked":
            await intend_delete_bytes(tx, ref)
            await commit_failed(work, _revoked(message), tx, deps)
        else:
            await tx.run("grant_state", grant["id"], "committed")
            await say_committed(tx, message)

    return settle


async def say_committed(tx: Tx, message: CommitHop) -> None:
    """The destination exists, complete."""
    await tx.say(
        HopCommitted(
            hop_id=message.hop_id,
            copy_id=message.copy_id,
            epoch=message.epoch,
            digest=message.receipt.digest,
        )
    )


async def commit_failed(work: CommitWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when the destination was read and found absent or wrong."""
    message = work.commit
    await tx.say(
        HopCommitFailed(
            hop_id=message.hop_id, copy_id=message.copy_id, epoch=message.epoch, error=error.problem
        )
    )


def _revoked(message: CommitHop) -> NotFound:
    return NotFound("the write was revoked", resource=message.subject, code="write")


INTENTS = (
    IntentKind[Deps]("probe", ProbeWork, probe, probe_failed),
    IntentKind[Deps]("commit", CommitWork, commit, commit_failed),
    *CLEANING,
)
