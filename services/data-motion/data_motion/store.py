"""data-motion's SQL: jobs are locked, loaded and saved as a whole."""

from datetime import timedelta
from typing import Any

from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import Value
from stowage_runtime.tx import Tx

from data_motion.intent_payloads import RESERVE_CACHE, ReserveFor
from data_motion.model import destination_key, source_key
from data_motion.placing import Fleet
from data_motion.records import AgentRecord, AskerRecord, CopyRecord, HopRecord, Job, StoreRecord
from data_motion.turn import Step


async def lock(tx: Tx, copy_id: str, *, wait: bool = True) -> Job | None:
    """The job under a row lock; None if there is none, or it is locked and ``wait`` is not set."""
    copy = await tx.value("lock_copy" if wait else "lock_copy_if_free", copy_id)
    if copy is None:
        return None
    parts = await tx.row("parts_of_copy", copy_id)
    askers, hops = parts or (None, None)
    return Job(
        CopyRecord.model_validate(copy),
        tuple(AskerRecord.model_validate(row) for row in askers or ()),
        tuple(HopRecord.model_validate(row) for row in hops or ()),
    )


async def lock_asked(tx: Tx, asker_id: str) -> Job | None:
    """The job an asker shares, under a row lock."""
    copy_id = await tx.value("copy_of_asker", asker_id)
    return None if copy_id is None else await lock(tx, copy_id)


async def lock_twin(tx: Tx, request: CopyRequested) -> Job | None:
    """The live job that moves the same bytes to the same place."""
    copy_id = await tx.value("live_twin", source_key(request), destination_key(request))
    job = None if copy_id is None else await lock(tx, copy_id)
    return job if job is not None and job.live else None


async def insert(tx: Tx, job: Job) -> bool:
    """Insert a new job; False if a live one of the same bytes to the same place was first."""
    if await tx.value("insert_copy", _row(job.copy)) is None:
        return False
    for asker in job.askers:
        await tx.run("save_asker", _row(asker))
    return True


async def save(tx: Tx, before: Job, step: Step) -> Job:
    """Write what a step changed and say what follows; the job as it now is."""
    after = step.job
    if after.copy != before.copy:
        await tx.run("save_copy", _row(after.copy))
    for asker in set_apart(after.askers, before.askers):
        await tx.run("save_asker", _row(asker))
    for hop in set_apart(after.hops, before.hops):
        await tx.run("save_hop", _row(hop))
    for said in step.say:
        await tx.say(said.message, to=said.to)
    for signal in step.signals:
        tx.signal(signal)
    if step.reserve is not None:
        await tx.intend(
            RESERVE_CACHE, ReserveFor(copy_id=after.copy.id), after=step.reserve.after,
            within=max(timedelta(seconds=1), step.reserve.until - tx.now),
        )  # fmt: skip
    return after


def set_apart(after: tuple[Any, ...], before: tuple[Any, ...]) -> list[Any]:
    """Rows that were added or changed."""
    return [row for row in after if row not in before]


async def agents(tx: Tx) -> tuple[AgentRecord, ...]:
    """Every agent that ever joined, with the hops now leased to it."""
    used = await used_slots(tx)
    rows = await tx.rows("agents")
    found = (AgentRecord.model_validate(row[0]) for row in rows)
    return tuple(a.having(running=used.get(f"host:{a.host_id}", 0)) for a in found)


async def used_slots(tx: Tx) -> dict[str, int]:
    """Slots in use, by name."""
    return {row["slot"]: row["hops"] for row in await tx.rows("used_slots")}


async def stores(tx: Tx) -> dict[str, StoreRecord]:
    """Every store and cache as its owner last described it."""
    found = [StoreRecord.model_validate(row[0]) for row in await tx.rows("stores")]
    return {store.id: store for store in found}


async def fleet(tx: Tx) -> Fleet:
    """What placing a hop depends on."""
    return Fleet(await agents(tx), await stores(tx), await used_slots(tx), tx.now)


async def put(tx: Tx, record: AgentRecord | StoreRecord) -> None:
    """Insert or update what an agent or a store's owner said."""
    query = "save_agent" if isinstance(record, AgentRecord) else "save_store"
    await tx.run(query, _row(record))


def _row(record: Value) -> dict[str, Any]:
    return record.model_dump(mode="json")
