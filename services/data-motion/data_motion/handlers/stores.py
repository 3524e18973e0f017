"""Stores and caches as their owners tell of them."""

from collections.abc import Mapping

from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheChanged,
    CacheDraining,
    CacheRemoved,
)
from stowage_contracts.messages.image_store import (
    StoreAdded,
    StoreChanged,
    StoreDegraded,
    StoreRemoved,
)
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import model, store
from data_motion.deps import Deps
from data_motion.records import StoreRecord
from data_motion.scheduler import schedule


async def on_store_told(message: Message, tx: Tx, deps: Deps) -> None:
    """A store or cache as its owner sees it: its state, and whether copies may stage there."""
    view: StoreView = message.state  # type: ignore[attr-defined]
    sequence = tx.cause.sequence if tx.cause else 0
    await store.put(tx, StoreRecord(id=view.id, view=view, sequence=sequence))


async def on_store_removed(message: Message, tx: Tx, deps: Deps) -> None:
    """Copies from or to a store that is gone cannot end well."""
    await on_store_told(message, tx, deps)
    view: StoreView = message.state  # type: ignore[attr-defined]
    problem = Unavailable(
        f"store {view.name} was removed while the copy used it",
        resource=f"store/{view.id}",
        code="store_removed",
        hint="copy to or from another store",
    ).problem
    for row in await tx.rows("copies_on_store", view.id):
        job = await store.lock(tx, row["id"])
        if job is not None:
            await store.save(tx, job, model.give_up(job, problem, tx.now, deps.rules))
    await schedule(tx, deps)


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    StoreAdded: on_store_told,
    StoreChanged: on_store_told,
    StoreDegraded: on_store_told,
    StoreRemoved: on_store_removed,
    CacheAdded: on_store_told,
    CacheChanged: on_store_told,
    CacheDraining: on_store_told,
    CacheRemoved: on_store_removed,
}
