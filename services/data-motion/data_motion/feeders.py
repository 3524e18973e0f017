"""Finds who can feed a hop that is about to be offered, and frees those that waited for that."""

from pydantic import TypeAdapter
from stowage_runtime.handling.tx import Tx

from data_motion.model.feeding import Candidate, Feeding, may_be_fed
from data_motion.model.limits import Limits
from data_motion.records import CopyRecord, HopRecord

_CANDIDATES = TypeAdapter(tuple[Candidate, ...])


async def feeding_of(tx: Tx, copy: CopyRecord, hop: HopRecord, limits: Limits) -> Feeding:
    """Hops of the same bytes that may feed this one; none where it must read its origin."""
    if not may_be_fed(copy, hop):
        return Feeding({})
    times = limits.feeding_seconds, limits.silent_seconds
    rows = await tx.rows("feeders", copy.source_key, *times)
    return Feeding.of(_CANDIDATES.validate_python([dict(row) for row in rows]), hop.id)


async def unblock_fed(tx: Tx, copy: CopyRecord, hop: HopRecord) -> None:
    """After an offer: others of the same bytes need no slot of their store any more."""
    if not hop.fed_by and may_be_fed(copy, hop):
        await tx.run("unblock_fed", copy.source_key)
