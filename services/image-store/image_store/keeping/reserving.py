"""Bytes are promised on a store before they are written there."""

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.model.rooms import check_room
from image_store.store import locked_store, need, room_of


async def reserve(ref: Record, size: int, tx: Tx, deps: Deps) -> None:
    """Raise a replica's reservation to ``size`` bytes; OutOfSpace while they are not there."""
    if ref["reserved"] >= size:
        return
    store = await locked_store(tx, ref["store_id"])
    held = (await need(tx, "read_ref", ref["id"]))["reserved"]  # as it is under the store's lock
    if held >= size:
        return
    check_room(room_of(store), size - held, deps.settings.store_high_water)
    await tx.run("reserve", ref["id"], size)
