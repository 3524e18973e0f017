"""Side effect: a finished write becomes visible under its key."""

from datetime import timedelta

from stowage_contracts.errors import NotFound, StowageError
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.plugins.image_store_driver import CommitAsk
from stowage_contracts.values import StoreState, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.intents.cleaning import intend_delete_bytes
from image_store.model.store_states import Verb, check
from image_store.store import driver_of, find_store


class CommitWork(Value):
    """A hop to commit."""

    commit: CommitHop


async def intend_commit(tx: Tx, message: CommitHop) -> None:
    """Commit a hop, once at a time."""
    work = CommitWork(commit=message)
    await tx.intend("commit", work, key=message.hop_id, within=timedelta(hours=1))


async def commit(work: CommitWork, desk: Desk, deps: Deps) -> Settle:
    """Make the destination visible; the driver recognises its own after a lost reply."""
    message = work.commit
    async with desk.transaction() as tx:
        grant = await tx.row("grant", message.destination.grant.id)
        ref = await tx.row("read_ref", grant["ref_id"]) if grant else None
    if grant is None or ref is None or grant["state"] == "revoked":
        raise _revoked(message)
    store = await find_store(desk, ref["store_id"])
    check(Verb.COMMIT, StoreState(store["state"]), store["id"])
    ask = CommitAsk(
        key=ref["install_path"],
        writer=grant["writer"],
        session=grant["session"],
        size=message.receipt.size,
    )
    await (await driver_of(store, deps.stores)).commit(ask)

    async def settle(tx: Tx) -> None:
        now = await tx.row("grant", grant["id"])
        if now is None or now["state"] == "revoked":
            await intend_delete_bytes(tx, ref)
            await commit_failed(work, _revoked(message), tx, deps)
        else:
            await tx.run("grant_state", grant["id"], "committed")
            await tx.say(message.committed(message.receipt.digest))

    return settle


async def commit_failed(work: CommitWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when the destination was read and found absent or wrong."""
    await tx.say(work.commit.failed(error.problem))


def _revoked(message: CommitHop) -> NotFound:
    return NotFound("the write was revoked", resource=message.subject, code="write")
