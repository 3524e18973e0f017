"""Side effect: what a store holds and nobody owns is removed, if it still is so."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.catalogue import FindingKind
from stowage_contracts.errors import Conflict, StowageError
from stowage_contracts.plugins.image_store_driver import RevokeAsk
from stowage_contracts.values import Id, StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.intents.scanning import revocation, take_stock
from image_store.model.store_states import Verb, check
from image_store.store import driver_of, find_store
from image_store.views import say_trouble


class FindingWork(Value):
    """A finding whose bytes are to go."""

    store_id: Id
    finding_id: Id


async def intend_clean(tx: Tx, store_id: str, finding_id: str) -> None:
    """Remove what a finding names."""
    work = FindingWork(store_id=store_id, finding_id=finding_id)
    await tx.intend("clean", work, key=finding_id, within=timedelta(hours=1))


async def clean(work: FindingWork, desk: Desk, deps: Deps) -> Settle:
    """Delete an orphan or give up a write, unless it has an owner now or is another object."""
    store = await find_store(desk, work.store_id)
    check(Verb.TAKE, StoreState(store["state"]), store["id"])
    async with desk.transaction() as tx:
        found = await tx.row("finding", work.store_id, work.finding_id)
        owned = found is not None and await _owned(tx, found)
    driver = await driver_of(store, deps.stores)
    if found is not None and found["kind"] == FindingKind.OPEN_WRITE and not owned:
        debris = revocation(found)
        await driver.revoke(RevokeAsk(key=debris.key, writer=debris.writer, session=debris.session))
    elif found is not None and not owned:
        there = await driver.stat(found["key"])
        if there.size != found["size"]:
            raise Conflict("it is another object now", resource=found["key"], code="finding")
        await driver.delete(found["key"])

    async def settle(tx: Tx) -> None:
        await tx.run("drop_finding", work.finding_id)
        await take_stock(tx, work.store_id)

    return settle


async def _owned(tx: Tx, found: Record) -> bool:
    """Whether something is, or is being made, where nobody's bytes were found."""
    query = "writers_at" if found["kind"] == FindingKind.OPEN_WRITE else "keys_known"
    return bool(await tx.rows(query, found["store_id"], [found["key"]]))


async def clean_failed(work: FindingWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """What went by itself is no trouble; anything else is told."""
    if error.code.startswith("not_found"):
        await tx.run("drop_finding", work.finding_id)
        await take_stock(tx, work.store_id)
    else:
        await say_trouble(tx, work.store_id, error.problem)
