"""Who waits for a fleet none of whose stores can help: its backlog, and what they are told."""

from asyncpg import Record
from stowage_contracts.caching import CacheFleet
from stowage_contracts.messages.cache_autoscaler import ReserveCache
from stowage_runtime.handling.tx import Tx

READERS = frozenset({"nfs", "file"})
"""Schemes of what transport VMs serve (``file`` where a fake made them)."""
WAIT_SECONDS = 30
"""A copy that stopped asking is backlog no longer, of a store or of a fleet."""


async def awaited(message: ReserveCache, useless: frozenset[str], tx: Tx) -> str:
    """Count a copy as waiting for the narrowest fleet that reaches it and has none of the
    ``useless`` stores in use; why it waits, or '' where there is none to wait for.

    A store that has come into use since they were looked at is no reason to give up: it is the
    one that was waited for.
    """
    at = message.location
    if message.schemes and READERS.isdisjoint(message.schemes):
        return ""
    for row in await tx.rows("fleets_reaching", at.zone_id, at.pod_id, at.cluster_id, at.host_id):
        limits = CacheFleet.model_validate(row["settings"])
        served = not useless.isdisjoint(row["in_use"])
        if served or not limits.maximum or message.size > limits.vm.disk_bytes:
            continue
        await tx.run("wait_for_fleet", message.copy_id, row["id"], message.size, WAIT_SECONDS)
        return _told(row)
    return ""


def _told(row: Record) -> str:
    if row["in_use"]:
        return f"a transport VM of fleet {row['name']} has just come"
    doing = f" ({row['doing']})" if row["doing"] else ""
    return f"a transport VM of fleet {row['name']} is being started{doing}"
