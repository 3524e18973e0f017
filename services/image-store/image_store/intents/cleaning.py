"""Side effects that take bytes away: revoked writes, deleted objects, removed stores."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import NotFound, StowageError, Unavailable
from stowage_contracts.messages.image_store import StoreChanged, StoreRemoved
from stowage_contracts.plugins.image_store_driver import RevokeAsk
from stowage_contracts.values import Id, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle, nothing

from image_store.deps import Deps
from image_store.model.states import ReplicaEvent
from image_store.model.store_states import Verb, check
from image_store.objects.rows import forget_if_gone, ref_gone
from image_store.store import driver_of, hosted, lock_ref, move, reference
from image_store.views import store_view

PATIENCE = timedelta(days=7)
"""How long a store may be away before it tells that bytes were left on it."""
AGAIN_SECONDS = 3600.0
"""After that they are tried again so often, as long as the store is known."""
REMOVAL = timedelta(minutes=5)
"""How long a store that is being removed may take to give up what was being written."""


class ObjectWork(Value):
    """Something to delete or (with a writer) revoke on a store."""

    store_id: Id
    key: str
    writer: str = ""
    session: str = ""
    ref_id: Id | None = None
    of: Id | None = None
    """The replica whose bytes may not stay; what another one has there since is not touched."""
    in_place: bool = False
    """The bytes were there before and stay."""

    @property
    def name(self) -> str:
        """Unique while the same work is pending."""
        return "/".join((self.store_id, self.key, self.writer, self.session, self.ref_id or ""))


class StoreWork(Value):
    """A store to forget."""

    store_id: Id


async def intend_revoke(tx: Tx, ref: Record, grant: Record) -> None:
    """Abort what a grant's writer wrote."""
    await intend_abort(tx, ref, writer=grant["writer"], session=grant["session"])


async def intend_abort(tx: Tx, ref: Record, *, writer: str, session: str) -> None:
    """Abort what one writer wrote in one session."""
    work = ObjectWork(
        store_id=ref["store_id"], key=ref["install_path"], writer=writer, session=session
    )
    await tx.intend("revoke", work, key=work.name, within=PATIENCE)


async def intend_delete(tx: Tx, ref: Record) -> None:
    """Delete a replica's bytes and then its row."""
    work = ObjectWork(
        store_id=ref["store_id"],
        key=ref["install_path"],
        ref_id=ref["id"],
        in_place=ref["in_place"],
    )
    await tx.intend("delete", work, key=work.name, within=PATIENCE)


async def intend_delete_bytes(tx: Tx, ref: Record) -> None:
    """Delete an object that may not stay; its row, if there is one, keeps the reason."""
    work = ObjectWork(
        store_id=ref["store_id"], key=ref["install_path"], of=ref["id"], in_place=ref["in_place"]
    )
    await tx.intend("delete", work, key=work.name, within=PATIENCE)


async def intend_remove(tx: Tx, store_id: str) -> None:
    """Give up what is being written on a store, then forget it."""
    await tx.intend("remove", StoreWork(store_id=store_id), key=store_id, within=REMOVAL)


async def intend_close(tx: Tx, store_id: str) -> None:
    """Close the driver of a store that is another service's now."""
    await tx.intend("close", StoreWork(store_id=store_id), key=store_id, within=REMOVAL)


async def revoke(work: ObjectWork, desk: Desk, deps: Deps) -> Settle:
    """Abort a write; a removed store has nothing to abort."""
    async with desk.transaction() as tx:
        store = await tx.row("store", work.store_id)
    if store is not None:
        check(Verb.TAKE, StoreState(store["state"]), work.store_id)
        ask = RevokeAsk(key=work.key, writer=work.writer, session=work.session)
        await (await driver_of(store, deps.stores)).revoke(ask)
    return nothing


async def delete(work: ObjectWork, desk: Desk, deps: Deps) -> Settle:
    """Delete an object; its row goes when the store has confirmed, or is gone itself.

    Raises Unavailable while copies read it.
    """
    async with desk.transaction() as tx:
        store = await tx.row("store", work.store_id)
        readers = await tx.value("readers_of", work.ref_id)
        taken = work.of and await tx.value("has_heir", work.store_id, work.key, work.of)
    if taken:
        return nothing
    if readers:
        raise Unavailable(f"{readers} copies read it", resource=work.key, code="in_use")
    if store is not None and not work.in_place:
        check(Verb.TAKE, StoreState(store["state"]), work.store_id)
        await (await driver_of(store, deps.stores)).delete(work.key)

    async def settle(tx: Tx) -> None:
        ref = await lock_ref(tx, work.ref_id) if work.ref_id else None
        if ref is None:
            return
        await move(tx, ref, ReplicaEvent.OPERATION_SUCCEEDED)
        await ref_gone(tx, ref)

    return settle


async def left_behind(work: ObjectWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Bytes could not be removed in all that time: the store tells so, and it is tried again."""
    await tx.run("store_error", work.store_id, error.problem.model_dump(mode="json"))
    store = await tx.row("store", work.store_id)
    if store is None:
        return
    await tx.say(StoreChanged(state=store_view(store)))
    kind = "revoke" if work.writer else "delete"
    await tx.intend(kind, work, key=work.name, within=PATIENCE, after=AGAIN_SECONDS)


async def remove(work: StoreWork, desk: Desk, deps: Deps) -> Settle:
    """Nothing half-written stays on a store that is forgotten, if it still answers."""
    async with desk.transaction() as tx:
        store = await tx.row("store", work.store_id)
        writes = await tx.rows("writes_on_store", work.store_id)
        keys = {ref["install_path"] for ref in await tx.rows("unfinished_on_store", work.store_id)}
    if store is None:
        raise NotFound("the store was removed already", resource=f"store/{work.store_id}")
    driver = await driver_of(store, deps.stores)
    for one in writes:
        ask = RevokeAsk(key=one["install_path"], writer=one["writer"], session=one["session"])
        await driver.revoke(ask)
    for key in keys:
        await driver.delete(key)
    await (await deps.stores.lifecycle(hosted(store))).delete()

    async def settle(tx: Tx) -> None:
        await forget_store(tx, work.store_id, None)
        await deps.stores.forget(work.store_id)

    return settle


async def remove_failed(work: StoreWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """A store that does not answer is forgotten all the same, and the event says why."""
    await forget_store(tx, work.store_id, error)
    await deps.stores.forget(work.store_id)


async def close(work: StoreWork, desk: Desk, deps: Deps) -> Settle:
    """Only what is held open of it goes; its bytes are not ours any more."""
    await deps.stores.forget(work.store_id)
    return nothing


async def close_failed(work: StoreWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The store is not known any more: there is nobody to tell."""


async def forget_store(tx: Tx, store_id: str, error: StowageError | None) -> None:
    """Drop a store and the replicas that were never finished on it."""
    objects = await tx.rows("lock_objects_on", store_id)
    store = await tx.row("lock_store", store_id)
    if store is None:
        return
    await tx.run("drop_refs_on_store", store_id)
    await tx.run("unwant_store", store_id, None, None)
    await tx.run("drop_store", store_id)
    told = {"state": StoreState.REMOVED, "reserved_bytes": 0}
    if error is not None:
        told["error"] = error.problem
    await tx.say(StoreRemoved(state=store_view(store).model_copy(update=told)))
    for row in objects:
        await forget_if_gone(tx, reference(row))


CLEANING = (
    IntentKind[Deps]("revoke", ObjectWork, revoke, left_behind),
    IntentKind[Deps]("delete", ObjectWork, delete, left_behind),
    IntentKind[Deps]("remove", StoreWork, remove, remove_failed),
    IntentKind[Deps]("close", StoreWork, close, close_failed),
)
