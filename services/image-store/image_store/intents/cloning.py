"""Side effect: a store copies an object of its own server into a replica."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, Problem, Retry, StowageError
from stowage_contracts.messages.data_motion import CloneHop
from stowage_contracts.plugins import ImageStoreDriver, ServerSideCopy
from stowage_contracts.plugins.image_store_driver import CopyAsk
from stowage_contracts.values import ReplicaState, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.deps import Deps
from image_store.intents.cleaning import intend_delete_bytes
from image_store.judging.inspection import inspect
from image_store.model.store_states import Verb, check
from image_store.store import driver_of, lock_ref, need

LONGEST = timedelta(hours=6)
"""How long a store may take to make one, or to come back."""
PATIENCE = timedelta(hours=1)
"""How long a store that refused may take to drop what it had made all the same."""


class CloneWork(Value):
    """A destination to make."""

    order: CloneHop


class UndoWork(Value):
    """What may be left of a clone that failed, and why it did."""

    order: CloneHop
    error: Problem
    ours: bool
    """Whether what is at the key can only be ours."""


async def clone(work: CloneWork, desk: Desk, deps: Deps) -> Settle:
    """The driver recognises its own after a lost reply; an agent then reads every byte back."""
    order = work.order
    async with desk.transaction() as tx:
        grant, ref = await _write(tx, order)
        source = await need(tx, "read_ref", (await _read(tx, order))["ref_id"])
        there = await need(tx, "store", ref["store_id"])
        here = await need(tx, "store", source["store_id"])
    check(Verb.COMMIT, StoreState(there["state"]), there["id"])
    check(Verb.READ, StoreState(here["state"]), here["id"])
    copier = _copier(await driver_of(there, deps.stores))
    named = _copier(await driver_of(here, deps.stores)).uri_of(source["install_path"])
    ask = CopyAsk(source=named, key=ref["install_path"], writer=grant["writer"])
    made = await copier.copy(ask)
    if made.size != order.receipt.size:
        cause = f"the store made {made.size} bytes of {order.receipt.size}"
        raise Conflict(cause, resource=order.subject, code="size")

    async def settle(tx: Tx) -> None:
        now = await lock_ref(tx, ref["id"])
        lost = now is None or now["state"] != ReplicaState.CREATING
        if lost or not await tx.run("clone_made", grant["id"]):
            await intend_delete_bytes(tx, ref)
            return
        await tx.run("answered", ref["id"])
        await tx.run("ref_known", ref["id"], made.size, None, ref["reserved"])
        await inspect(tx, await need(tx, "ref", ref["id"]))

    return settle


async def clone_failed(work: CloneWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when nothing of it is left: agents may then carry the bytes. The order is not heard
    again meanwhile, or what is undone could be a second one's."""
    await tx.run("clone_over", work.order.destination.grant.id, work.order.epoch + 1)
    ours = not isinstance(error, Conflict) or error.code == "conflict.size"
    undo = UndoWork(order=work.order, error=error.problem, ours=ours)
    await tx.intend("unclone", undo, key=work.order.hop_id, within=PATIENCE)


async def undo(work: UndoWork, desk: Desk, deps: Deps) -> Settle:
    """Delete what may have been made after all."""
    order = work.order
    async with desk.transaction() as tx:
        grant = await tx.row("grant", order.destination.grant.id)
        ref = await tx.row("read_ref", grant["ref_id"]) if grant else None
        store = await tx.row("store", ref["store_id"]) if ref else None
    unmade = ref is not None and ref["state"] == ReplicaState.CREATING
    if ref is not None and store is not None and unmade and work.ours:
        check(Verb.TAKE, StoreState(store["state"]), store["id"])
        await (await driver_of(store, deps.stores)).delete(ref["install_path"])

    async def settle(tx: Tx) -> None:
        told = work.error.model_copy(update={"retry": Retry.ELSEWHERE})
        await tx.say(order.failed(told if ref is not None else work.error))

    return settle


async def undo_failed(work: UndoWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Its store is away: nobody else could write there either."""
    await tx.say(work.order.failed(error.problem))


def revoked(order: CloneHop) -> NotFound:
    """The error of a clone that nobody wants any more."""
    return NotFound("the write was revoked", resource=order.subject, code="write")


async def _write(tx: Tx, order: CloneHop) -> tuple[Record, Record]:
    grant = await tx.row("grant", order.destination.grant.id)
    ref = await tx.row("read_ref", grant["ref_id"]) if grant else None
    if grant is None or ref is None or grant["state"] != "active":
        raise revoked(order)
    return grant, ref


async def _read(tx: Tx, order: CloneHop) -> Record:
    grant = await tx.row("grant", order.source.grant.id)
    if grant is None or grant["state"] != "active" or grant["ref_id"] is None:
        raise NotFound("the source may not be read any more", resource=order.subject, code="grant")
    return grant


def _copier(driver: ImageStoreDriver) -> ServerSideCopy:
    if driver.can.copies and isinstance(driver, ServerSideCopy):
        return driver
    raise InvalidInput("its driver copies nothing by itself", code="copies")


CLONING = (
    IntentKind[Deps]("clone", CloneWork, clone, clone_failed),
    IntentKind[Deps]("unclone", UndoWork, undo, undo_failed),
)
