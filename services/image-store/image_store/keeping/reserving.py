"""Bytes are promised on a store, and to an account, before they are written there."""

from asyncpg import Record
from stowage_contracts.values import StoreRole
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.model.rooms import Allowance, check_room
from image_store.store import locked_store, need, room_of


async def reserve(ref: Record, size: int, tx: Tx, deps: Deps) -> None:
    """Raise a replica's reservation to ``size`` bytes; OutOfSpace while they are not there,
    Conflict where its account may not have them."""
    if ref["reserved"] >= size:
        return
    store = await locked_store(tx, ref["store_id"])
    held = (await need(tx, "read_ref", ref["id"]))["reserved"]  # as it is under the store's lock
    if held >= size:
        return
    check_room(room_of(store), size - held, deps.settings.store_high_water)
    if ref["role"] == StoreRole.IMAGE:
        await check_account(tx, ref["account_id"], size - held)
    await tx.run("reserve", ref["id"], size)


async def check_account(tx: Tx, account_id: str, size: int | None) -> None:
    """Raises Conflict where so many more bytes (None: not known yet) are above an account's limit.

    The account stays locked until the transaction ends: what is promised in it counts for whoever
    comes next.
    """
    limit = await tx.value("account_limit", account_id)
    if limit is None:
        return
    held = await tx.row("account_bytes", account_id)
    assert held is not None  # it is a sum
    Allowance(account_id, limit, held["ready"] + held["reserved"]).check(size)


async def check_arrived(tx: Tx, ref: Record, size: int) -> None:
    """The same for what is there already, and may be more than was promised."""
    if ref["role"] == StoreRole.IMAGE and size > ref["reserved"]:
        await check_account(tx, ref["account_id"], size - ref["reserved"])
