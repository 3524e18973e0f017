"""Objects: registered, given replicas, forgotten."""

from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_contracts.values import ObjectKind, ObjectRef, ReplicaState, new_id
from stowage_runtime.handling.tx import Tx

from image_store.model.paths import install_path
from image_store.model.states import ReplicaEvent, next_state
from image_store.store import object_of, reference
from image_store.views import changed, object_view

_BLANK: dict[str, Any] = {
    "hypervisor": None,
    "sealed_url": "",
    "url_scheme": "",
    "checksum": None,
    "tags": (),
    "min_copies": 1,
    "max_copies": None,
    "wanted_stores": (),
    "template_id": None,
    "volume_id": None,
    "parent_id": None,
}


async def add_object(tx: Tx, what: ObjectRef, **columns: Any) -> bool:
    """Insert an object; False when there is one of that noun and id already."""
    row = {"noun": what.noun, "kind": what.kind, "id": what.id, **_BLANK, **columns}
    return bool(await tx.run("add_object", row))


@dataclass(frozen=True)
class NewRef:
    """A replica to make."""

    what: ObjectRef
    account_id: str
    store: Record
    install_path: str
    format: str
    copy_id: str | None = None
    reserved: int = 0
    in_place: bool = False
    """The bytes were there before and stay when the replica is deleted."""


async def add_ref(tx: Tx, new: NewRef) -> Record:
    """A replica that is being made."""
    ref_id = new_id()
    row = {
        "id": ref_id,
        "noun": new.what.noun,
        "kind": new.what.kind,
        "object_id": new.what.id,
        "account_id": new.account_id,
        "store_id": new.store["id"],
        "role": new.store["role"],
        "install_path": new.install_path,
        "format": new.format,
        "copy_id": new.copy_id,
        "reserved": new.reserved,
        "in_place": new.in_place,
        "state": next_state(ReplicaState.ALLOCATED, ReplicaEvent.CREATE_ONLY_REQUESTED),
    }
    added = await tx.row("add_ref", row)
    assert added is not None
    return added


async def add_image_ref(tx: Tx, row: Record, store: Record, copy_id: str | None) -> Record:
    """A replica of an object that is being made on an image store, under our own name for it."""
    what = reference(row)
    new = NewRef(
        what=what,
        account_id=row["account_id"],
        store=store,
        install_path=install_path(what.kind, row["account_id"], row["id"], row["format"]),
        format=row["format"],
        copy_id=copy_id,
    )
    return await add_ref(tx, new)


async def mind(tx: Tx, what: ObjectRef, after: float = 0) -> None:
    """Have an object's replicas compared with what is wished for, in so many seconds."""
    await tx.run("object_due", what.noun, what.id, after)


async def ref_gone(tx: Tx, ref: Record) -> None:
    """A replica's bytes are gone: drop its row, and a removed object with its last one."""
    await tx.run("drop_ref", ref["id"])
    await forget_if_gone(tx, object_of(ref))


async def forget_if_gone(tx: Tx, what: ObjectRef) -> None:
    """Show an object as it is now; one that was removed, or lived on a pool only, is forgotten
    once no store holds any of it."""
    row = await tx.row("object", what.noun, what.id)
    if row is None:
        return
    await tx.say(changed(ObjectKind(row["kind"]), await object_view(tx, row)))
    left = await tx.rows("replicas_of", what.noun, what.id)
    if not left and (row["removed"] or row["origin"] == "pool"):
        await tx.run("drop_object", what.noun, what.id)
    elif not row["removed"]:
        await mind(tx, what, patience(row["attempts"]))


def patience(attempts: int) -> float:
    """Seconds before an object that failed so often is tried again."""
    return min(600.0, 2.0 ** min(attempts, 10)) if attempts else 0.0
