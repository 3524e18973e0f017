"""Side effect: an object of another cloud is looked for where it is said to lie."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import ImageRefused, NotFound, StowageError
from stowage_contracts.keys import check_key
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver, ObjectStat
from stowage_contracts.values import Bytes, Id, ImageFormat, ReplicaState, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.deps import Deps
from image_store.judging.inspection import inspect
from image_store.model.finding import MOST_NAMES, meant_by
from image_store.model.store_states import Verb, check
from image_store.objects.replicas import fail_replica
from image_store.store import driver_of, find_store, lock_ref, need, object_of
from image_store.views import say_changed

_PATIENCE = timedelta(hours=6)
"""How long its store may be away."""


class LocateWork(Value):
    """A replica whose bytes are looked for."""

    ref_id: Id
    size: Bytes | None = None
    """Length that was recorded."""


async def intend_locate(tx: Tx, ref: Record, size: int | None) -> None:
    """Look for a replica's bytes, then have them judged where they lie."""
    work = LocateWork(ref_id=ref["id"], size=size)
    await tx.intend("locate", work, key=ref["id"], within=_PATIENCE)


async def locate(work: LocateWork, desk: Desk, deps: Deps) -> Settle:
    """Raises NotFound, or Conflict (``ambiguous``)."""
    async with desk.transaction() as tx:
        ref = await need(tx, "read_ref", work.ref_id)
    store = await find_store(desk, ref["store_id"])
    check(Verb.READ, StoreState(store["state"]), store["id"])
    driver = await driver_of(store, deps.stores)
    found = await _found(driver, ref["install_path"], ImageFormat(ref["format"]))

    async def settle(tx: Tx) -> None:
        now = await lock_ref(tx, work.ref_id)
        if now is not None and now["state"] == ReplicaState.CREATING:
            await _judge(work, found, now, tx)

    return settle


async def _found(driver: ImageStoreDriver, key: str, format: ImageFormat) -> ObjectStat:
    """The object at ``key``, or the one image below that name."""
    try:
        return await driver.stat(check_key(key))
    except NotFound:
        names = []
        async for stat in driver.list(key):
            names.append(stat.key)
            if len(names) > MOST_NAMES:
                raise
    return await driver.stat(meant_by(key, names, format))


async def _judge(work: LocateWork, found: ObjectStat, ref: Record, tx: Tx) -> None:
    await tx.run("ref_located", ref["id"], found.key, found.size)
    if work.size in (None, found.size):
        await inspect(tx, await need(tx, "ref", ref["id"]))
    else:
        lie = ImageRefused(
            f"it has {found.size} bytes, {work.size} were recorded",
            code="size",
            resource=str(object_of(ref)),
            hint="the bytes were left where they are; import it without recorded sizes to take it",
        )
        await fail_replica(tx, ref, lie.problem)
    await say_changed(tx, object_of(ref))


async def locate_failed(work: LocateWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The replica says why; importing it again looks anew."""
    ref = await lock_ref(tx, work.ref_id)
    if ref is not None and ref["state"] == ReplicaState.CREATING:
        await fail_replica(tx, ref, error.problem)
        await say_changed(tx, object_of(ref))


LOCATING = IntentKind[Deps]("locate", LocateWork, locate, locate_failed, parallel=4)
