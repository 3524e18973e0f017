"""Stores looked at as folders: what the catalogue has there, and what scans found beside it."""

from asyncpg import Record
from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import ListStoreObjects, StoreObjectsListed
from stowage_contracts.values import ObjectRef, StoreRole
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.store import need

_MOST, _COUNTED = 500, 10_000


async def on_list_store_objects(
    message: ListStoreObjects, desk: Desk, deps: Deps
) -> StoreObjectsListed:
    """A page of one folder; each folder in it is told once, by skipping over what is in it."""
    path = message.path.strip("/")
    async with desk.transaction() as tx:
        store = await need(tx, "store", message.store_id)
        if store["role"] != StoreRole.IMAGE:
            raise InvalidInput("only image stores are looked at", code="role")
        found = await tx.rows("entries_below", store["id"], f"{path}/" if path else "", _COUNTED)
        if not found and path:
            found = await tx.rows("entry_at", store["id"], path)
        offset = max(message.offset, 0)
        page = found[offset : offset + min(max(message.limit, 1), _MOST)]
        entries = await _entries(store["id"], page, tx)
    return StoreObjectsListed(store_id=store["id"], entries=tuple(entries), count=len(found))


async def _entries(store_id: str, page: list[Record], tx: Tx) -> list[StoreEntry]:
    keys = [row["key"] for row in page if not row["folder"]]
    known = {row["key"]: row for row in await tx.rows("entries_known", store_id, keys)}
    return [_entry(row, known.get(row["key"])) for row in page]


def _entry(row: Record, known: Record | None) -> StoreEntry:
    if row["folder"] or known is None:
        return StoreEntry(name=row["name"], folder=row["folder"])
    kind = known["kind"]
    return StoreEntry(
        name=row["name"],
        folder=False,
        size=known["size"],
        object=ObjectRef(kind=kind, id=known["object_id"]) if kind else None,
        object_name=known["name"] or "",
        format=known["format"],
        updated=known["updated"],
    )
