"""Side effect: a manifest beside every object, enough to know it again without this database."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.catalogue import Manifest
from stowage_contracts.errors import StowageError
from stowage_contracts.plugins.image_store_driver import DriverAbilities, NoteKeeper
from stowage_contracts.values import Id, ObjectRef, ReplicaState, StoreRole, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle, nothing

from image_store.deps import Deps
from image_store.intents.cleaning import AGAIN_SECONDS, intend_delete_bytes
from image_store.model.store_states import Verb, check
from image_store.store import driver_of, lock_ref, need, object_row, reference
from image_store.views import say_trouble, scope_of_object

_PATIENCE = timedelta(days=1)


class NoteWork(Value):
    """A replica whose manifest is to be what the catalogue says."""

    ref_id: Id


async def note(tx: Tx, ref: Record) -> None:
    """Have the manifest of a Ready replica written, where its store keeps notes."""
    ours = ref["role"] == StoreRole.IMAGE and not ref["in_place"]
    if not ours or ref["state"] != ReplicaState.READY or ref["digest"] is None:
        return
    store = await need(tx, "store", ref["store_id"])
    if DriverAbilities.model_validate(store["abilities"]).notes:
        await tx.intend("note", NoteWork(ref_id=ref["id"]), key=ref["id"], within=_PATIENCE)


async def note_all(tx: Tx, what: ObjectRef) -> None:
    """An object was changed: so are its manifests."""
    for ref in await tx.rows("replicas_of", what.noun, what.id):
        await note(tx, ref)


def manifest_of(row: Record, ref: Record) -> Manifest:
    """What stands beside a replica of an object."""
    special = ("hypervisor", "parent_id", "volume_id", "template_id")
    return Manifest(
        object=reference(row),
        account_id=row["account_id"],
        name=row["name"],
        format=ref["format"],
        scope=scope_of_object(row),
        zones=tuple(row["zones"]),
        size=ref["size"],
        virtual_size=row["virtual_size"],
        digest=ref["digest"],
        checksum=row["checksum"],
        tags=tuple(row["tags"]),
        min_copies=row["min_copies"],
        max_copies=row["max_copies"],
        created=row["created"],
        **{name: row[name] for name in special},
    )


async def write(work: NoteWork, desk: Desk, deps: Deps) -> Settle:
    """Write it; whoever changed the object meanwhile has it written again."""
    async with desk.transaction() as tx:
        ref = await lock_ref(tx, work.ref_id)
        if ref is None or ref["state"] != ReplicaState.READY:
            return nothing
        store = await need(tx, "store", ref["store_id"])
        manifest = manifest_of(await object_row(tx, ref), ref)
    check(Verb.TAKE, StoreState(store["state"]), store["id"])
    keeper: NoteKeeper = await driver_of(store, deps.stores)  # type: ignore[assignment]
    await keeper.write_note(ref["install_path"], manifest.model_dump_json(exclude_none=True))

    async def settle(tx: Tx) -> None:
        now = await lock_ref(tx, work.ref_id)
        if now is None or now["state"] != ReplicaState.READY:
            await _unwanted(tx, ref)
        elif manifest_of(await object_row(tx, now), now) != manifest:
            await note(tx, now)

    return settle


async def _unwanted(tx: Tx, ref: Record) -> None:
    """The object may have been deleted before its note was written: it goes after it."""
    if not await tx.rows("keys_known", ref["store_id"], [ref["install_path"]]):
        await intend_delete_bytes(tx, ref)


async def write_failed(work: NoteWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """The store tells so; it is tried again as long as the replica is there."""
    ref = await tx.row("read_ref", work.ref_id)
    if ref is not None:
        await say_trouble(tx, ref["store_id"], error.problem)
        await tx.intend("note", work, key=work.ref_id, within=_PATIENCE, after=AGAIN_SECONDS)
