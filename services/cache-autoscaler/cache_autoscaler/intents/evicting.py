"""Entries go: nobody gets them any more, then their store deletes them, then their rows go."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.plugins.image_store_driver import RevokeAsk
from stowage_contracts.values import Id, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle, nothing

from cache_autoscaler import metrics
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.evicting import Why
from cache_autoscaler.store import need, say_changed, store_row

PATIENCE = timedelta(days=1)
"""How long one deletion is tried; the sweeper then asks for it again."""


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


async def evict(tx: Tx, entry_id: str, why: Why, reason: str) -> None:
    """From now on nobody gets the entry; its bytes count until the store has deleted them."""
    entry = await tx.row("entry", entry_id)
    if entry is not None and await tx.run("entry_state", entry_id, EntryState.EVICTING):
        told = {"why": why, "store_id": entry["store_id"], "size": entry["size"]}
        await decide(tx, "evict", f"entry/{entry_id}", reason, **told, digest=entry["digest"])
        if entry["state"] == EntryState.READY:
            await tx.run("add_loss", entry_id, why)
        metrics.lost(why, entry["size"])
    await intend_evict(tx, entry_id)


async def intend_evict(tx: Tx, entry_id: str) -> None:
    """Delete an evicting entry's bytes, once at a time."""
    await tx.intend("evict", EvictWork(entry_id=entry_id), key=entry_id, within=PATIENCE)


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


async def revoke(work: RevokeWork, desk: Desk, deps: Deps) -> Settle:
    """Delete a writer's parts; a removed store has nothing to delete."""
    async with desk.transaction() as tx:
        store = await tx.row("store", work.store_id)
    if store is not None:
        _answering(store)
        driver = await deps.stores.driver(store_row(store))
        await driver.revoke(RevokeAsk(key=work.key, writer=work.writer, session=work.session))
        if work.committed:
            await driver.delete(work.key)
    return nothing


async def delete(work: EvictWork, desk: Desk, deps: Deps) -> Settle:
    """Abort its writers and delete the object; then the row and its space go."""
    async with desk.transaction() as tx:
        entry = await tx.row("entry", work.entry_id)
        if entry is None:
            return nothing
        store = await need(tx, "store", entry["store_id"])
        writers = await tx.rows("writers_of", work.entry_id)
    _answering(store)
    driver = await deps.stores.driver(store_row(store))
    for one in writers:
        ask = RevokeAsk(key=entry["key"], writer=one["writer"], session=one["session"])
        await driver.revoke(ask)
    await driver.delete(entry["key"])

    async def settle(tx: Tx) -> None:
        await tx.run("drop_entry", work.entry_id)
        await say_changed(tx, store["id"])

    return settle


def _answering(store: Record) -> None:
    """A store that does not answer its probes is left alone until it does: what hangs in its calls
    would be missing elsewhere."""
    if store["state"] == StoreState.DEGRADED:
        raise Unavailable(f"the cache is {store['state']}", resource=f"store/{store['id']}")


async def revoke_failed(work: RevokeWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The parts stay until the entry is evicted, which tries again; the store tells why."""
    await tell_trouble(tx, work.store_id, error)


async def evict_failed(work: EvictWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The entry stays evicting; the sweeper asks again, and its store tells why."""
    store_id = await tx.value("store_of", work.entry_id)
    if store_id is not None:
        await tell_trouble(tx, store_id, error)


async def tell_trouble(tx: Tx, store_id: str, error: StowageError) -> None:
    """An error of a store, where operators see it; its next good probe clears it."""
    await tx.run("store_error", store_id, error.problem.model_dump(mode="json"))
    await say_changed(tx, store_id)
