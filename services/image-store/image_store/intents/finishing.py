"""Side effect: what a client uploaded becomes an object, and goes through the gate."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import NotFound, StowageError
from stowage_contracts.plugins.image_store_driver import CommitAsk
from stowage_contracts.values import Bytes, Id, ReplicaState, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.deps import Deps
from image_store.intents.cleaning import intend_delete_bytes
from image_store.judging.inspection import inspect
from image_store.model.store_states import Verb, check
from image_store.store import driver_of, find_store, lock_ref, need, object_of
from image_store.views import tell_trouble


class FinishWork(Value):
    """An upload to commit."""

    ref_id: Id
    grant_id: Id
    size: Bytes


async def intend_finish(tx: Tx, ref: Record, size: int) -> None:
    """Commit an upload, once for each length its owner says it has."""
    grant = await tx.row("write_grant_of", ref["id"])
    assert grant is not None  # it is an open upload
    work = FinishWork(ref_id=ref["id"], grant_id=grant["id"], size=size)
    await tx.intend("finish", work, key=f"{ref['id']}/{size}", within=timedelta(hours=1))


async def finish(work: FinishWork, desk: Desk, deps: Deps) -> Settle:
    """Complete it in the store; the inspection then reads every byte."""
    async with desk.transaction() as tx:
        grant = await need(tx, "grant", work.grant_id)
        ref = await tx.row("read_ref", work.ref_id)
    if ref is None or grant["state"] != "active":
        raise NotFound("the upload was given up", code="write")
    store = await find_store(desk, ref["store_id"])
    check(Verb.COMMIT, StoreState(store["state"]), store["id"])
    ask = CommitAsk(
        key=ref["install_path"], writer=grant["writer"], session=grant["session"], size=work.size
    )
    await (await driver_of(store, deps.stores)).commit(ask)

    async def settle(tx: Tx) -> None:
        now = await lock_ref(tx, work.ref_id)
        if now is None or now["state"] != ReplicaState.CREATING:
            await intend_delete_bytes(tx, ref)
            return
        await tx.run("grant_state", work.grant_id, "committed")
        await tx.run("ref_known", ref["id"], work.size, None, max(work.size, now["reserved"]))
        await inspect(tx, await need(tx, "ref", ref["id"]))

    return settle


async def finish_failed(work: FinishWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The upload stays open: its owner is told what is missing and may go on."""
    ref = await lock_ref(tx, work.ref_id)
    grant = await tx.row("grant", work.grant_id)
    if ref is not None and grant is not None and grant["state"] == "active":
        await tell_trouble(tx, object_of(ref), error)


FINISHING = (IntentKind[Deps]("finish", FinishWork, finish, finish_failed),)
