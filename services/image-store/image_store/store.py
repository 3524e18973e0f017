"""Rows of image-store: read, locked, moved; drivers of store rows."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, NotFound
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver
from stowage_contracts.values import Location, ObjectRef, ReplicaState, Scope, ScopeType, StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk
from stowage_stores.hosting import Hosted, StoreRow

from image_store.model.rooms import Room
from image_store.model.states import ReplicaEvent, next_state


async def need(tx: Tx, query: str, key: str) -> Record:
    """The one row of a query by id, whose last word is what it finds; raises NotFound."""
    row = await tx.row(query, key)
    if row is None:
        noun = query.rpartition("_")[2]
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key}")
    return row


async def locked_store(tx: Tx, store_id: str) -> Record:
    """A store, locked, with what is reserved on it; raises NotFound.

    Read again once it is locked: a sum made while waiting for the lock misses what others
    reserved meanwhile.
    """
    await need(tx, "lock_store", store_id)
    return await need(tx, "store", store_id)


async def find_store(desk: Desk, store_id: str) -> Record:
    """A store's row as it is now, for a side effect; raises NotFound."""
    async with desk.transaction() as tx:
        row = await tx.row("store", store_id)
    if row is None:
        raise NotFound("the store was removed", resource=f"store/{store_id}", code="store")
    return row


async def need_object(tx: Tx, what: ObjectRef) -> Record:
    """An object's row, locked; raises NotFound."""
    row = await tx.row("object", what.noun, what.id)
    if row is None:
        raise NotFound(f"no such {what.noun}", resource=f"{what.noun}/{what.id}")
    return row


def check_owner(row: Record, account_id: str) -> None:
    """Raises NotFound for an object, or a replica of one, of another account."""
    if row["account_id"] != account_id:
        raise NotFound("no such object", resource=f"account/{account_id}", code="object")


async def object_row(tx: Tx, ref: Record) -> Record:
    """The object a replica is of, locked; there is always one."""
    row = await tx.row("object", ref["noun"], ref["object_id"])
    assert row is not None
    return row


async def lock_ref(tx: Tx, ref_id: str) -> Record | None:
    """A replica, locked after its object as everywhere."""
    await tx.row("lock_object_of", ref_id)
    return await tx.row("ref", ref_id)


def hosted(store: Record) -> StoreRow:
    """What of a store row makes its driver."""
    return StoreRow(store["id"], store["provider"], store["settings"], store["sealed"])


async def driver_of(store: Record, stores: Hosted) -> ImageStoreDriver:
    """The open driver of a store row."""
    return await stores.driver(hosted(store))


def scope_of(row: Record) -> Scope:
    """The scope of a store row."""
    kind = ScopeType(row["scope_type"])
    zone = row["scope_id"] if kind is ScopeType.ZONE else row["zone_id"]
    return Scope(type=kind, id=row["scope_id"], zone_id=zone)


def room_of(row: Record) -> Room:
    """A store row as placement sees it."""
    return Room(
        store_id=row["id"],
        scope=scope_of(row),
        state=StoreState(row["state"]),
        total=row["total_bytes"],
        used=row["used_bytes"],
        reserved=row["reserved"],
        tags=tuple(row["tags"]),
    )


def location_of(row: Record) -> Location:
    """Where a host row stands."""
    return Location(
        zone_id=row["zone_id"],
        pod_id=row["pod_id"],
        cluster_id=row["cluster_id"],
        host_id=row["id"],
    )


async def move(
    tx: Tx, ref: Record, event: ReplicaEvent, query: str = "move_ref", *more: object
) -> ReplicaState:
    """Compare-and-set a replica's state; raises Conflict when it may not or was moved since.

    Another ``query`` also sets what ``more`` tells it.
    """
    state = next_state(ReplicaState(ref["state"]), event)
    if not await tx.run(query, ref["id"], ref["state"], ref["update_count"], state, *more):
        raise Conflict("the replica was changed meanwhile", resource=f"replica/{ref['id']}")
    return state


def object_of(row: Record) -> ObjectRef:
    """What a replica row is a replica of."""
    return ObjectRef(kind=row["kind"], id=row["object_id"])


def reference(row: Record) -> ObjectRef:
    """An object's row as messages name it."""
    return ObjectRef(kind=row["kind"], id=row["id"])
