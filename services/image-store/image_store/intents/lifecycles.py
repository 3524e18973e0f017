"""Side effect: a store's provider is told what has become of the store."""

from datetime import timedelta

from stowage_contracts.errors import StowageError
from stowage_contracts.values import Id, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.model.store_states import Mode, mode_of, steps
from image_store.store import find_store, hosted
from image_store.views import say_store, say_trouble


class LifecycleWork(Value):
    """A store whose life cycle is to be brought up to its state."""

    store_id: Id


async def intend_lifecycle(tx: Tx, store_id: str) -> None:
    """Tell a store's life cycle its state, one step after another."""
    work = LifecycleWork(store_id=store_id)
    await tx.intend("lifecycle", work, key=store_id, within=timedelta(hours=1))


async def catch_up(work: LifecycleWork, desk: Desk, deps: Deps) -> Settle:
    """Call what leads from the state it was told last to the one that is; a failure is shown
    at once and tried again."""
    store = await find_store(desk, work.store_id)
    mode = mode_of(StoreState(store["state"]))
    try:
        lifecycle = await deps.stores.lifecycle(hosted(store))
        for step in steps(Mode(store["told"]), mode):
            await getattr(lifecycle, step)()
    except StowageError as error:
        async with desk.transaction() as tx:
            await say_trouble(tx, work.store_id, error.problem)
        raise

    async def settle(tx: Tx) -> None:
        now = await tx.row("lock_store", work.store_id)
        if now is None:
            return
        await tx.run("lifecycle_told", work.store_id, mode)
        if mode_of(StoreState(now["state"])) is not mode:
            await intend_lifecycle(tx, work.store_id)
        await say_store(tx, work.store_id)

    return settle


async def catch_up_failed(work: LifecycleWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """It is shown; a timer has it tried again."""
    await say_trouble(tx, work.store_id, error.problem)
