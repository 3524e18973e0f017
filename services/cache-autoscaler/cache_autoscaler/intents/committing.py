"""Fills become visible: the driver commits what was verified, and only that."""

from datetime import timedelta

from stowage_contracts.errors import Conflict, NotFound, StowageError
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.plugins.image_store_driver import CommitAsk
from stowage_contracts.values import Digest, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from cache_autoscaler import metrics
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents.evicting import intend_revoke
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.store import need, say_changed, store_row


class CommitWork(Value):
    """A fill to commit."""

    commit: CommitHop


async def intend_commit(tx: Tx, message: CommitHop) -> None:
    """Commit a fill, once at a time."""
    work = CommitWork(commit=message)
    await tx.intend("commit", work, key=message.hop_id, within=timedelta(hours=1))


async def commit(work: CommitWork, desk: Desk, deps: Deps) -> Settle:
    """Make the fill visible; the driver recognises its own after a lost reply."""
    message = work.commit
    async with desk.transaction() as tx:
        grant = await need(tx, "grant", message.destination.grant.id)
        entry = await need(tx, "entry", grant["entry_id"])
        store = await need(tx, "store", entry["store_id"])
    if grant["state"] == "revoked" or entry["state"] == EntryState.EVICTING:
        raise _given_up(message)
    _check_digest(message, entry["digest"])
    driver = await deps.stores.driver(store_row(store))
    ask = CommitAsk(
        key=entry["key"],
        writer=grant["writer"],
        session=grant["session"],
        size=message.receipt.size,
    )
    await driver.commit(ask)

    async def settle(tx: Tx) -> None:
        await tx.run("grant_state", grant["id"], "committed")
        if not await tx.run("entry_ready", entry["id"]):
            parts = {"writer": grant["writer"], "session": grant["session"]}
            await intend_revoke(tx, entry, **parts, committed=True)
            await commit_failed(work, _given_up(message), tx, deps)
            return
        metrics.FILLED.add(message.receipt.size)
        await tx.say(message.committed(message.receipt.digest))
        await say_changed(tx, store["id"])

    return settle


async def commit_failed(work: CommitWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Said only when the destination was read and found absent or wrong."""
    await tx.say(work.commit.failed(error.problem))


def _check_digest(message: CommitHop, wanted: Digest) -> None:
    if message.receipt.digest != wanted:
        raise Conflict(
            "other bytes were written than reserved for",
            resource=f"hop/{message.hop_id}",
            code="digest",
        )


def _given_up(message: CommitHop) -> NotFound:
    return NotFound("the space was given up", resource=f"hop/{message.hop_id}", code="write")
