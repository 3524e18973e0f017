"""Side effect: an object of a known server becomes a replica without leaving it."""

from collections.abc import Mapping
from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, StowageError
from stowage_contracts.plugins import ServerSideCopy
from stowage_contracts.plugins.image_store_driver import CopyAsk, DriverAbilities
from stowage_contracts.values import Id, ObjectRef, ReplicaState, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.deps import Deps
from image_store.intents.cleaning import intend_delete_bytes
from image_store.judging.inspection import inspect
from image_store.keeping.placing import store_for, wish_of
from image_store.keeping.reserving import reserve
from image_store.objects.replicas import fail_replica
from image_store.objects.rows import NewRef, add_image_ref, add_ref
from image_store.objects.sealed_urls import url_of
from image_store.store import driver_of, find_store, lock_ref, need, need_object
from image_store.views import say_changed

PATIENCE = timedelta(hours=6)


class TakeWork(Value):
    """An object whose URL names something on a store's server."""

    object: ObjectRef
    copy_id: Id
    in_place: bool = False


class CopyWork(Value):
    """A server-side copy into a replica."""

    object: ObjectRef
    ref_id: Id


async def intend_take(tx: Tx, what: ObjectRef, copy_id: str, *, in_place: bool) -> None:
    """Find the store whose server holds it, then copy it there, or leave it where it is."""
    work = TakeWork(object=what, copy_id=copy_id, in_place=in_place)
    await tx.intend("take", work, key=str(what), within=timedelta(minutes=5))


async def take(work: TakeWork, desk: Desk, deps: Deps) -> Settle:
    """Raises InvalidInput when no writable store's server holds it."""
    async with desk.transaction() as tx:
        row = await need_object(tx, work.object)
        stores = await tx.rows("stores_to_weigh")
    url = url_of(row, deps)
    able = await _able(stores, url, deps)
    own = {store_id: key for store_id, key in able.items() if key is not None}
    if not able or (work.in_place and not own):
        raise InvalidInput(
            "no writable store that copies on its server holds that URL",
            resource=str(work.object),
            code="url",
            hint="add its bucket's server as a store, or give an http(s) URL",
        )

    async def settle(tx: Tx) -> None:
        await (_keep if work.in_place else _begin)(work, own or able, tx, deps)

    return settle


async def _able(stores: list[Record], url: str, deps: Deps) -> dict[str, str | None]:
    """Writable stores on whose server it may lie; with its key where it is their own."""
    found = {}
    for store in stores:
        can = DriverAbilities.model_validate(store["abilities"] or {"schemes": ()})
        if not can.copies or not StoreState(store["state"]).writable:
            continue
        driver = await driver_of(store, deps.stores)
        assert isinstance(driver, ServerSideCopy)  # the contract suite proves what it declares
        if not driver.can_copy(url):
            found[store["id"]] = driver.key_of(url)
    return found


async def _keep(work: TakeWork, own: Mapping[str, str | None], tx: Tx, deps: Deps) -> None:
    """It stays where it is, under the name it has; the inspection reads every byte."""
    row = await need_object(tx, work.object)
    store = await store_for(tx, wish_of(row, tuple(own)), deps)
    await _check_nobodys(tx, store["id"], str(own[store["id"]]))
    new = NewRef(
        what=work.object,
        account_id=row["account_id"],
        store=store,
        install_path=str(own[store["id"]]),
        format=row["format"],
        copy_id=work.copy_id,
        in_place=True,
    )
    await inspect(tx, await add_ref(tx, new))
    await say_changed(tx, work.object)


async def _check_nobodys(tx: Tx, store_id: str, key: str) -> None:
    """What is another object's replica would go with that object."""
    others = await tx.rows("keys_known", store_id, [key])
    if any(not ref["in_place"] for ref in others) or await tx.rows("keys_going", store_id, [key]):
        raise Conflict(
            "another object's replica is there",
            resource=f"store/{store_id}",
            code="exists",
            hint="register it as a copy instead of in place",
        )


async def _begin(work: TakeWork, able: Mapping[str, str | None], tx: Tx, deps: Deps) -> None:
    row = await need_object(tx, work.object)
    wanted = [store for store in able if not row["wanted_stores"] or store in row["wanted_stores"]]
    store = await store_for(tx, wish_of(row, tuple(wanted or able)), deps)
    ref = await add_image_ref(tx, row, store, work.copy_id)
    copy = CopyWork(object=work.object, ref_id=ref["id"])
    await tx.intend("copy", copy, key=ref["id"], within=PATIENCE)
    await say_changed(tx, work.object)


async def take_failed(work: TakeWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The object says why."""
    what, told = work.object, error.problem.model_dump(mode="json")
    if await tx.run("object_failed", what.noun, what.id, told):
        await say_changed(tx, what)


async def copy(work: CopyWork, desk: Desk, deps: Deps) -> Settle:
    """Copy it under our own name; the inspection then reads every byte."""
    async with desk.transaction() as tx:
        row = await need_object(tx, work.object)
        ref = await need(tx, "read_ref", work.ref_id)
    driver = await driver_of(await find_store(desk, ref["store_id"]), deps.stores)
    assert isinstance(driver, ServerSideCopy)
    ask = CopyAsk(source=url_of(row, deps), key=ref["install_path"], writer=f"{ref['id']}.1")
    made = await driver.copy(ask)

    async def settle(tx: Tx) -> None:
        now = await lock_ref(tx, work.ref_id)
        if now is None or now["state"] != ReplicaState.CREATING:
            await intend_delete_bytes(tx, ref)
            return
        try:
            await reserve(now, made.size, tx, deps)
        except StowageError as error:  # its server told no size before
            await intend_delete_bytes(tx, ref)
            await fail_replica(tx, now, error.problem)
            return
        await tx.run("ref_known", ref["id"], made.size, None, made.size)
        await inspect(tx, await need(tx, "ref", ref["id"]))

    return settle


async def copy_failed(work: CopyWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The replica fails with the store's own reason."""
    ref = await lock_ref(tx, work.ref_id)
    if ref is not None:
        await fail_replica(tx, ref, error.problem)


TAKING = (
    IntentKind[Deps]("take", TakeWork, take, take_failed),
    IntentKind[Deps]("copy", CopyWork, copy, copy_failed),
)
