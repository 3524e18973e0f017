"""The URLs objects were registered with: sealed in their row, opened in memory only."""

from asyncpg import Record
from stowage_contracts.values import ObjectRef

from image_store.deps import Deps
from image_store.store import reference

_TABLE = {"template": "vm_template", "volume": "volumes", "snapshot": "snapshots"}


def seal_url(url: str, what: ObjectRef, deps: Deps) -> str:
    """What the row keeps of it."""
    return deps.cipher.seal(url.encode(), _bound_to(what))


def url_of(row: Record, deps: Deps) -> str:
    """The URL itself, for the moment it is used."""
    return deps.cipher.open(row["sealed_url"], _bound_to(reference(row))).decode()


def _bound_to(what: ObjectRef) -> str:
    return f"{_TABLE[what.noun]}/{what.id}"
