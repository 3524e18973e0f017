"""What becomes of pins while copies move and when they end."""

from stowage_contracts.messages.data_motion import (
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    CopyProgressed,
)
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import metrics
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import evict
from cache_autoscaler.model.evicting import Why


async def on_copy_progressed(message: CopyProgressed, tx: Tx, deps: Deps) -> None:
    """A copy that moves keeps its pins."""
    await tx.run("renew_pins", message.copy_id, deps.settings.cache_pin_seconds)


async def on_copy_completed(message: CopyCompleted, tx: Tx, deps: Deps) -> None:
    """Its entry may be evicted from now on, and is the most recently used."""
    for entry in await tx.rows("read_by", message.state.leader_id):
        metrics.SERVED.add(entry["size"])
    await _unpin(message.state.leader_id, tx)


async def on_copy_failed(message: CopyFailed, tx: Tx, deps: Deps) -> None:
    """A failed fill is dropped; an entry that was ready stays."""
    await _end(message.state.leader_id, "failed", tx)


async def on_copy_cancelled(message: CopyCancelled, tx: Tx, deps: Deps) -> None:
    """Only the last asker's leaving ends the copy."""
    if message.last:
        await _end(message.state.leader_id, "was cancelled", tx)


async def _end(copy_id: str, how: str, tx: Tx) -> None:
    await _unpin(copy_id, tx)
    for entry in await tx.rows("fills_of", copy_id):
        await evict(tx, entry["id"], Why.UNFILLED, f"copy {copy_id}, which filled it, {how}")


async def _unpin(copy_id: str, tx: Tx) -> None:
    await tx.run("unpin_copy", copy_id)
    await tx.run("stop_waiting", copy_id)
