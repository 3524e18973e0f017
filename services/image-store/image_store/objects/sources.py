"""Where a new object's bytes come from: a URL that an agent fetches, or its owner's upload."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import (
    CopyRequested,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
)
from stowage_contracts.values import Location, ReplicaState, StoreRole, StoreState
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end, url_end
from image_store.keeping.placing import store_for, wish_of
from image_store.keeping.reserving import check_account
from image_store.objects.replicas import add_grant, ask
from image_store.objects.rows import add_image_ref
from image_store.store import need, need_object, scope_of

Registration = RegisterTemplate | RegisterVolume | RegisterSnapshot


async def fetch(message: Registration, tx: Tx, deps: Deps) -> None:
    """One store reads the source; the others take it from there."""
    row = await need_object(tx, message.object)
    store = await _first_store(message, row, tx, deps)
    ref = await add_image_ref(tx, row, store, message.copy_id)
    source = await add_grant(tx, source_noun=row["noun"], source_id=row["id"], for_ref=ref["id"])
    target = await add_grant(tx, ref_id=ref["id"], writes=True)
    request = CopyRequested(
        copy_id=message.copy_id,
        account_id=message.account_id,
        source=url_end(row, source),
        destination=image_end(ref, store, target),
        checksum=message.checksum,
        max_size=deps.settings.fetch_max_bytes,
        location=Location(zone_id=message.scope.zone_id),
    )
    await ask(tx, ref, request)


async def await_upload(message: Registration, tx: Tx, deps: Deps) -> None:
    """One store takes what its owner sends, within a time that each sign of life renews."""
    row = await need_object(tx, message.object)
    store = await _first_store(message, row, tx, deps)
    ref = await add_image_ref(tx, row, store, None)
    await tx.run("reserve", ref["id"], message.size or 0)
    until = (tx.now + timedelta(seconds=deps.settings.upload_seconds)).isoformat()
    await add_grant(tx, ref_id=ref["id"], writes=True, purpose="upload", expires=until)


async def _first_store(message: Registration, row: Record, tx: Tx, deps: Deps) -> Record:
    """Every store named must be able to take it, the first of them does; or placement's choice.
    Its account may have it."""
    wished: list[tuple[str, ...]] = [(each,) for each in message.store_ids] or [()]
    stores = [await store_for(tx, wish_of(row, only, size=message.size), deps) for only in wished]
    await check_account(tx, message.account_id, message.size)
    return stores[0]


async def readable_at(row: Record, where: Location, tx: Tx) -> tuple[Record, Record]:
    """A Ready replica of an object on a readable image store that reaches a place; raises
    Conflict."""
    for ref in await tx.rows("replicas_of", row["noun"], row["id"]):
        if ref["role"] != StoreRole.IMAGE or ref["state"] != ReplicaState.READY:
            continue
        store = await need(tx, "store", ref["store_id"])
        if StoreState(store["state"]).readable and scope_of(store).covers(where):
            return ref, store
    raise Conflict(
        "no readable image store in reach holds it ready",
        resource=f"{row['noun']}/{row['id']}",
        code="not_ready",
        hint=f"wait until the {row['noun']} is ready in that zone",
    )
