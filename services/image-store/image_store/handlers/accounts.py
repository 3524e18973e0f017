"""Accounts as far as image stores go: what they may have there, and what they have."""

from stowage_contracts.messages.image_store import (
    AccountBytesCounted,
    CountAccountBytes,
    SetAccountLimit,
)
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps


async def on_set_account_limit(message: SetAccountLimit, tx: Tx, deps: Deps) -> None:
    """It holds for what is promised from now on; one said earlier and heard later is nothing."""
    said = tx.cause.time if tx.cause else tx.now
    await tx.run("set_account_limit", message.account_id, message.max_bytes, said)


async def on_count_account_bytes(
    message: CountAccountBytes, desk: Desk, deps: Deps
) -> AccountBytesCounted:
    """As every reservation counts them."""
    async with desk.transaction() as tx:
        bound = await tx.value("read_account_limit", message.account_id)
        held = await tx.row("account_bytes", message.account_id)
    assert held is not None  # it is a sum
    return AccountBytesCounted(
        account_id=message.account_id,
        ready_bytes=held["ready"],
        reserved_bytes=held["reserved"],
        max_bytes=bound,
    )
