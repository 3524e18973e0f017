"""Who waits for a fleet that has no store yet: its backlog, and what they are told."""

from stowage_contracts.caching import CacheFleet
from stowage_contracts.values import Location
from stowage_runtime.handling.tx import Tx

READERS = frozenset({"nfs", "file"})
"""Schemes of what transport VMs serve (``file`` where a fake made them)."""
WAIT_SECONDS = 30
"""Who stopped asking is backlog no longer."""


async def awaited(tx: Tx, copy_id: str, size: int, location: Location) -> str:
    """Count a copy as waiting for the narrowest fleet that reaches it and has no store in use;
    why it waits, or '' where there is none to wait for."""
    places = location.zone_id, location.pod_id, location.cluster_id, location.host_id
    for row in await tx.rows("fleets_reaching", *places):
        limits = CacheFleet.model_validate(row["settings"])
        if row["served"] or not limits.maximum or size > limits.vm.disk_bytes:
            continue
        await tx.run("wait_for_fleet", copy_id, row["id"], size, WAIT_SECONDS)
        doing = f" ({row['doing']})" if row["doing"] else ""
        return f"a transport VM of fleet {row['name']} is being started{doing}"
    return ""
