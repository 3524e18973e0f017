"""Stores and caches as their owners tell of them."""

from collections.abc import Callable, Mapping

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
from stowage_contracts.values import StoreState
from stowage_contracts.views import StoreView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import model, store
from data_motion.deps import Deps
from data_motion.model import staging
from data_motion.model.turn import Step
from data_motion.records import Job, StoreRecord
from data_motion.scheduler import schedule

_LEFT = frozenset({StoreState.DEGRADED, StoreState.DISABLED})


async def on_store_told(message: Message, tx: Tx, deps: Deps) -> None:
    """A store as its owner sees it."""
    await _keep(message, tx)


async def on_store_removed(message: Message, tx: Tx, deps: Deps) -> None:
    """Copies from or to a store that is gone cannot end well."""
    view = await _keep(message, tx, gone=True)
    problem = Unavailable(
        f"store {view.name} was removed while the copy used it",
        resource=f"store/{view.id}",
        code="store_removed",
        hint="copy to or from another store",
    ).problem
    await _each(view, tx, lambda job: model.give_up(job, problem, tx.now, deps.rules))
    await schedule(tx, deps)


async def on_cache_told(message: Message, tx: Tx, deps: Deps) -> None:
    """A cache as its owner sees it; where it is not what it was, copies are staged elsewhere."""
    view = await _keep(message, tx)
    if view.state in _LEFT:
        await _leave(view, tx, deps, at_once=False)


async def on_cache_removed(message: Message, tx: Tx, deps: Deps) -> None:
    """What was staged there is staged anew."""
    view = await _keep(message, tx, gone=True)
    await _leave(view, tx, deps, at_once=True)


async def _keep(message: Message, tx: Tx, *, gone: bool = False) -> StoreView:
    view: StoreView = message.state  # type: ignore[attr-defined]
    sequence = tx.cause.sequence if tx.cause else 0
    if gone:
        view = view.model_copy(update={"state": StoreState.REMOVED})
    removed = tx.now if gone else None
    await store.put(tx, StoreRecord(id=view.id, view=view, sequence=sequence, removed=removed))
    return view


async def _leave(view: StoreView, tx: Tx, deps: Deps, *, at_once: bool) -> None:
    cache = staging.Lost(view.id, f"cache store {view.name} is {view.state}", at_once)
    await _each(view, tx, lambda job: staging.lost(job, cache, tx.now, deps.rules))
    await schedule(tx, deps)


async def _each(view: StoreView, tx: Tx, rule: Callable[[Job], Step]) -> None:
    for row in await tx.rows("copies_on_store", view.id):
        job = await store.lock(tx, row["id"])
        if job is not None:
            await store.save(tx, job, rule(job))


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    StoreAdded: on_store_told,
    StoreChanged: on_store_told,
    StoreDegraded: on_store_told,
    StoreRemoved: on_store_removed,
    CacheAdded: on_cache_told,
    CacheChanged: on_cache_told,
    CacheDraining: on_cache_told,
    CacheRemoved: on_cache_removed,
}
