"""Side effects of image-store: probe, commit, revoke and delete on a store."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import NotFound, Problem, StowageError, Unavailable
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.image_store import (
    CapacityWarning,
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRejected,
    TemplateChanged,
)
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    ImageStoreDriver,
    RevokeAsk,
)
from stowage_contracts.values import Id, StoreState, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.service import Desk, IntentKind, Settle
from stowage_runtime.tx import Tx
from stowage_stores.hosting import StoreRow

from image_store.deps import Deps
from image_store.model import ReplicaEvent
from image_store.store import lock_ref, move, store_view, template_view

PATIENCE = timedelta(days=7)
"""How long a store may be away before bytes on it are given up (a row keeps telling)."""


class ProbeWork(Value):
    """Probe one store."""

    store_id: Id


class ObjectWork(Value):
    """Something to delete or revoke on a store."""

    store_id: Id
    key: str
    writer: str = ""
    session: str = ""
    ref_id: Id | None = None


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


async def intend_revoke(tx: Tx, ref: Record, grant: Record) -> None:
    """Abort what a writer wrote."""
    work = ObjectWork(
        store_id=ref["store_id"],
        key=ref["install_path"],
        writer=grant["writer"],
        session=grant["session"],
    )
    await tx.intend("revoke", work, key=f"{grant['id']}/{grant['writer']}", within=PATIENCE)


async def intend_delete(tx: Tx, ref: Record) -> None:
    """Delete a replica's bytes and then its row."""
    work = ObjectWork(store_id=ref["store_id"], key=ref["install_path"], ref_id=ref["id"])
    await tx.intend("delete", work, key=ref["id"], within=PATIENCE)


async def intend_delete_bytes(tx: Tx, ref: Record) -> None:
    """Delete an object that the gate refused; its row keeps the reason."""
    work = ObjectWork(store_id=ref["store_id"], key=ref["install_path"])
    await tx.intend("delete", work, key=f"bytes/{ref['id']}", within=PATIENCE)


async def _store(desk: Desk, store_id: str) -> Record:
    async with desk.transaction() as tx:
        row = await tx.row("store", store_id)
    if row is None:
        raise NotFound("the store was removed", resource=f"store/{store_id}", code="store")
    return row


async def driver_of(store: Record, deps: Deps) -> ImageStoreDriver:
    """The open driver of a store row."""
    row = StoreRow(store["id"], store["provider"], store["settings"], store["sealed"])
    return await deps.stores.driver(row)


async def probe(work: ProbeWork, desk: Desk, deps: Deps) -> Settle:
    """Ask the store to prove itself."""
    store = await _store(desk, work.store_id)
    driver = await driver_of(store, deps)
    checks, room = await driver.probe()
    abilities = driver.can.model_dump(mode="json")

    async def settle(tx: Tx) -> None:
        await _probed(tx, store, (checks, room), abilities, deps)

    return settle


async def _probed(
    tx: Tx,
    store: Record,
    found: tuple[tuple[ProbeCheck, ...], Capacity],
    abilities: dict[str, object],
    deps: Deps,
) -> None:
    checks, room = found
    failed = next((check for check in checks if not check.ok), None)
    state = StoreState(store["state"])
    after = _state_after(state, failed is None)
    error = _check_failed(store["id"], failed).model_dump(mode="json") if failed else None
    await tx.run(
        "store_probed",
        store["id"],
        after,
        [c.model_dump(mode="json") for c in checks],
        abilities,
        room.total_bytes,
        room.used_bytes,
        error,
    )
    row = await tx.row("store", store["id"])
    if row is None:
        return
    await _say_probed(tx, state, row)
    await _warn(tx, row, deps)


def _state_after(state: StoreState, good: bool) -> StoreState:
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
    store = await tx.row("store", work.store_id)
    if store is None:
        return
    check = ProbeCheck(name="probe", ok=False, code=error.code, cause=error.cause)
    await _probed(tx, store, ((check,), Capacity()), store["abilities"] or {}, deps)


async def commit(work: CommitWork, desk: Desk, deps: Deps) -> Settle:
    """Make the destination visible; the driver recognises its own after a lost reply."""
    message = work.commit
    async with desk.transaction() as tx:
        grant = await tx.row("grant", message.destination.grant.id)
    if grant is None or grant["state"] == "revoked" or message.destination.store_id is None:
        raise NotFound("the write was revoked", resource=f"hop/{message.hop_id}", code="write")
    store = await _store(desk, message.destination.store_id)
    ask = CommitAsk(
        key=message.destination.key,
        writer=grant["writer"],
        session=grant["session"],
        receipt=message.receipt,
    )
    await (await driver_of(store, deps)).commit(ask)

    async def settle(tx: Tx) -> None:
        await tx.run("grant_state", grant["id"], "committed")
        await tx.say(
            HopCommitted(
                hop_id=message.hop_id,
                copy_id=message.copy_id,
                epoch=message.epoch,
                digest=message.receipt.digest,
            )
        )

    return settle


async def commit_failed(work: CommitWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when the destination was read and found absent or wrong."""
    message = work.commit
    await tx.say(
        HopCommitFailed(
            hop_id=message.hop_id, copy_id=message.copy_id, epoch=message.epoch, error=error.problem
        )
    )


async def revoke(work: ObjectWork, desk: Desk, deps: Deps) -> Settle:
    """Abort a write; a removed store has nothing to abort."""
    try:
        store = await _store(desk, work.store_id)
    except NotFound:
        return _nothing
    ask = RevokeAsk(key=work.key, writer=work.writer, session=work.session)
    await (await driver_of(store, deps)).revoke(ask)
    return _nothing


async def delete(work: ObjectWork, desk: Desk, deps: Deps) -> Settle:
    """Delete an object; its row goes when the store has confirmed."""
    store = await _store(desk, work.store_id)
    await (await driver_of(store, deps)).delete(work.key)

    async def settle(tx: Tx) -> None:
        ref = await lock_ref(tx, work.ref_id) if work.ref_id else None
        if ref is None:
            return
        await move(tx, ref, ReplicaEvent.OPERATION_SUCCEEDED)
        await tx.run("drop_ref", ref["id"])
        await tx.say(TemplateChanged(state=await template_view(tx, ref["template_id"])))

    return settle


async def _nothing(tx: Tx) -> None:
    """Nothing to record."""


async def left_behind(work: ObjectWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Bytes could not be removed in all that time: the store tells so until it is probed."""
    await tx.run("store_error", work.store_id, error.problem.model_dump(mode="json"))
    store = await tx.row("store", work.store_id)
    if store is not None:
        await tx.say(StoreChanged(state=store_view(store)))


INTENTS = (
    IntentKind[Deps]("probe", ProbeWork, probe, probe_failed),
    IntentKind[Deps]("commit", CommitWork, commit, commit_failed),
    IntentKind[Deps]("revoke", ObjectWork, revoke, left_behind),
    IntentKind[Deps]("delete", ObjectWork, delete, left_behind),
)
