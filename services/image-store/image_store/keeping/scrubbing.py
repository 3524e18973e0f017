"""Reads stored bytes again, a little at a time, and has what was damaged mended."""

from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.judging.inspection import verify


async def scrub(tx: Tx, deps: Deps) -> None:
    """Begin with the replica that was not read for the longest time, while few are being read."""
    running = await tx.value("verifications")
    free = deps.settings.scrub_parallel - running
    if free <= 0:
        return
    for due in await tx.rows("replicas_to_verify", deps.settings.scrub_seconds, free):
        await tx.row("lock_object_of", due["id"])
        ref = await tx.row("ref", due["id"])
        if ref is not None:
            await verify(tx, ref)
