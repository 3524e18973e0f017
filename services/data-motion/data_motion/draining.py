"""Tells how far each drain of an agent is."""

from collections.abc import Iterable

from stowage_contracts.messages.data_motion import HostDraining
from stowage_contracts.views import HostDrain
from stowage_runtime.handling.tx import Tx


async def tell_drains(tx: Tx, ended: Iterable[str] = ()) -> None:
    """Say what changed since it was said last, and which drains ended."""
    for host_id in ended:
        await tx.say(HostDraining(host_id=host_id))
    for row in await tx.rows("drains"):
        drain = HostDrain(reason=row["draining"], hops_left=row["drain_left"])
        await tx.say(HostDraining(host_id=row["host_id"], drain=drain))
