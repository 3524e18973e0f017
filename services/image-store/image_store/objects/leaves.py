"""Whose leaf digests are kept, and for how long."""

from stowage_contracts.values import Bytes, Digest
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps

LEAST_BYTES = 64 << 20
"""Smaller objects are never fed by other agents."""
UNCLAIMED_SECONDS = 86400.0


async def has_leaves(tx: Tx, size: Bytes | None, digest: Digest | None) -> bool:
    """Whether other agents may feed copies of these bytes."""
    if digest is None or (size or 0) < LEAST_BYTES:
        return False
    return bool(await tx.value("leaves_kept", digest))


async def forget_leaves(tx: Tx, deps: Deps) -> None:
    """Those of bytes that no replica has, and those that were never completed."""
    await tx.run("forget_leaf_lists", UNCLAIMED_SECONDS)
    await tx.run("forget_leaves", UNCLAIMED_SECONDS)
