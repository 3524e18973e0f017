"""Side effects of cache-autoscaler: probe, commit, revoke and evict on a store."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Conflict, NotFound, Problem, StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import CacheAdded, CacheChanged, CacheRejected
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.plugins.image_store_driver import (
    Capacity,
    CommitAsk,
    ImageStoreDriver,
    RevokeAsk,
)
from stowage_contracts.values import Digest, Id, StoreState, Value
from stowage_contracts.views import ProbeCheck
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.store import need, say_changed, store_row, store_view

PATIENCE = timedelta(days=1)
"""How long one deletion is tried; the sweeper then asks for it again."""
Found = tuple[tuple[ProbeCheck, ...], Capacity]


class ProbeWork(Value):
    """Probe one store."""

    store_id: Id


class CommitWork(Value):
    """A fill to commit."""

    commit: CommitHop


class RevokeWork(Value):
    """A writer whose parts are of no use any more, and its object if that came too late."""

    store_id: Id
    key: str
    writer: str
    session: str
    committed: bool = False


class EvictWork(Value):
    """An entry to delete from its store, with whatever was being written of it."""

    entry_id: Id


async def intend_probe(tx: Tx, store_id: str) -> None:
    """Probe a store, once at a time."""
    work = ProbeWork(store_id=store_id)
    await tx.intend("probe", work, key=store_id, within=timedelta(minutes=2))


async def intend_commit(tx: Tx, message: CommitHop) -> None:
    """Commit a fill, once at a time."""
    work = CommitWork(commit=message)
    await tx.intend("commit", work, key=message.hop_id, within=timedelta(hours=1))


async def intend_revoke(
    tx: Tx, entry: Record, *, writer: str, session: str, committed: bool = False
) -> None:
    """Delete what a writer of an entry wrote."""
    work = RevokeWork(
        store_id=entry["store_id"],
        key=entry["key"],
        writer=writer,
        session=session,
        committed=committed,
    )
    name = f"{entry['id']}/{writer}/{session}/{committed}"
    await tx.intend("revoke", work, key=name, within=PATIENCE)


async def evict(tx: Tx, entry_id: str, reason: str) -> None:
    """From now on nobody gets the entry; its bytes count until the store has deleted them."""
    if await tx.run("entry_state", entry_id, EntryState.EVICTING):
        await decide(tx, "evict", f"entry/{entry_id}", reason)
    await intend_evict(tx, entry_id)


async def intend_evict(tx: Tx, entry_id: str) -> None:
    """Delete an evicting entry's bytes, once at a time."""
    await tx.intend("evict", EvictWork(entry_id=entry_id), key=entry_id, within=PATIENCE)


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
    """The probe itself could not run: the same as a failed check."""
    check = ProbeCheck(name="probe", ok=False, code=error.code, cause=error.cause)
    await _probed(tx, work.store_id, ((check,), Capacity()), None)


async def _probed(tx: Tx, store_id: str, found: Found, driver: ImageStoreDriver | None) -> None:
    before = await tx.row("store", store_id)
    if before is None:
        return
    checks, room = found
    failed = next((check for check in checks if not check.ok), None)
    state = _state_after(StoreState(before["state"]), failed is None)
    can = driver.can.model_dump(mode="json") if driver else before["abilities"]
    error = _check_failed(store_id, failed).model_dump(mode="json") if failed else None
    total = room.total_bytes if failed is None else before["total_bytes"]
    used = room.used_bytes if failed is None else before["foreign_bytes"] + before["kept_bytes"]
    rows = [check.model_dump(mode="json") for check in checks]
    await tx.run("store_probed", store_id, state, rows, can, total, used, error)
    await _say_probed(tx, StoreState(before["state"]), store_id)


def _state_after(state: StoreState, good: bool) -> StoreState:
    if state is StoreState.ADDING:
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


async def _say_probed(tx: Tx, before: StoreState, store_id: str) -> None:
    row = await need(tx, "store", store_id)
    if row["state"] == StoreState.REMOVED:
        await tx.run("drop_store", store_id)
        await tx.say(CacheRejected(state=store_view(row)))
    elif before is StoreState.ADDING:
        await tx.say(CacheAdded(state=store_view(row)))
    else:
        await tx.say(CacheChanged(state=store_view(row)))


async def commit(work: CommitWork, desk: Desk, deps: Deps) -> Settle:
    """Make the fill visible; the driver recognises its own after a lost reply."""
    message = work.commit
    async with desk.transaction() as tx:
        grant = await need(tx, "grant", message.destination.grant.id)
        entry = await need(tx, "entry", grant["entry_id"])
        store = await need(tx, "store", entry["store_id"])
    if grant["state"] == "revoked" or entry["state"] == EntryState.EVICTING:
        raise _given_up(message)
    _check_digest(message, entry["digest"])
    driver = await deps.stores.driver(store_row(store))
    ask = CommitAsk(
        key=entry["key"],
        writer=grant["writer"],
        session=grant["session"],
        size=message.receipt.size,
    )
    await driver.commit(ask)

    async def settle(tx: Tx) -> None:
        await tx.run("grant_state", grant["id"], "committed")
        if not await tx.run("entry_state", entry["id"], EntryState.READY):
            parts = {"writer": grant["writer"], "session": grant["session"]}
            await intend_revoke(tx, entry, **parts, committed=True)
            await commit_failed(work, _given_up(message), tx, deps)
            return
        await say_committed(tx, message)
        await say_changed(tx, store["id"])

    return settle


async def commit_failed(work: CommitWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when the destination was read and found absent or wrong."""
    message = work.commit
    await tx.say(
        HopCommitFailed(
            hop_id=message.hop_id, copy_id=message.copy_id, epoch=message.epoch, error=error.problem
        )
    )


async def say_committed(tx: Tx, message: CommitHop) -> None:
    """The entry exists, complete."""
    await tx.say(
        HopCommitted(
            hop_id=message.hop_id,
            copy_id=message.copy_id,
            epoch=message.epoch,
            digest=message.receipt.digest,
        )
    )


def _check_digest(message: CommitHop, wanted: Digest) -> None:
    if message.receipt.digest != wanted:
        raise Conflict(
            "other bytes were written than reserved for",
            resource=f"hop/{message.hop_id}",
            code="digest",
        )


def _given_up(message: CommitHop) -> NotFound:
    return NotFound("the space was given up", resource=f"hop/{message.hop_id}", code="write")


async def revoke(work: RevokeWork, desk: Desk, deps: Deps) -> Settle:
    """Delete a writer's parts; a removed store has nothing to delete."""
    async with desk.transaction() as tx:
        store = await tx.row("store", work.store_id)
    if store is not None:
        driver = await deps.stores.driver(store_row(store))
        await driver.revoke(RevokeAsk(key=work.key, writer=work.writer, session=work.session))
        if work.committed:
            await driver.delete(work.key)
    return _nothing


async def delete(work: EvictWork, desk: Desk, deps: Deps) -> Settle:
    """Abort its writers and delete the object; then the row and its space go."""
    async with desk.transaction() as tx:
        entry = await tx.row("entry", work.entry_id)
        if entry is None:
            return _nothing
        store = await need(tx, "store", entry["store_id"])
        writers = await tx.rows("writers_of", work.entry_id)
    driver = await deps.stores.driver(store_row(store))
    for one in writers:
        ask = RevokeAsk(key=entry["key"], writer=one["writer"], session=one["session"])
        await driver.revoke(ask)
    await driver.delete(entry["key"])

    async def settle(tx: Tx) -> None:
        await tx.run("drop_entry", work.entry_id)
        await say_changed(tx, store["id"])

    return settle


async def _nothing(tx: Tx) -> None:
    """Nothing to record."""


async def revoke_failed(work: RevokeWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The parts stay until the entry is evicted, which tries again; the store tells why."""
    await _tell_trouble(tx, work.store_id, error)


async def evict_failed(work: EvictWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The entry stays evicting; the sweeper asks again, and its store tells why."""
    entry = await tx.row("entry", work.entry_id)
    if entry is not None:
        await _tell_trouble(tx, entry["store_id"], error)


async def _tell_trouble(tx: Tx, store_id: str, error: StowageError) -> None:
    await tx.run("store_error", store_id, error.problem.model_dump(mode="json"))
    await say_changed(tx, store_id)


INTENTS = (
    IntentKind[Deps]("probe", ProbeWork, probe, probe_failed),
    IntentKind[Deps]("commit", CommitWork, commit, commit_failed),
    IntentKind[Deps]("revoke", RevokeWork, revoke, revoke_failed),
    IntentKind[Deps]("evict", EvictWork, delete, evict_failed),
)
