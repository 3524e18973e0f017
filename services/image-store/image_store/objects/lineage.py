"""Snapshots that stand on others: bytes stay while a living one needs them."""

from asyncpg import Record
from stowage_contracts.values import ObjectKind, ReplicaState, StoreRole
from stowage_runtime.handling.tx import Tx

from image_store.objects.replicas import destroy

_THERE = frozenset({ReplicaState.READY, ReplicaState.FAILED})


async def held_by_children(tx: Tx, row: Record) -> bool:
    """Whether a snapshot stands on this one."""
    return row["noun"] == ObjectKind.SNAPSHOT and bool(await tx.value("children_of", row["id"]))


async def release_parents(tx: Tx) -> None:
    """Delete the bytes of removed snapshots on which nothing stands any more."""
    for row in await tx.rows("parents_released"):
        for ref in await tx.rows("refs_of", row["noun"], row["id"]):
            if ref["role"] == StoreRole.IMAGE and ref["state"] in _THERE:
                await destroy(tx, ref)
