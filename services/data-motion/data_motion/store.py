"""data-motion's SQL: jobs are locked, loaded and saved as a whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import Value
from stowage_runtime.handling.tx import Tx

from data_motion.intent_payloads import RESERVE_CACHE, ReserveFor
from data_motion.model import destination_key, source_key
from data_motion.model.placing import Fleet
from data_motion.model.turn import Step
from data_motion.records import (
    AgentRecord,
    AskerRecord,
    CopyRecord,
    HopRecord,
    Job,
    Record,
    StoreRecord,
)


async def lock(tx: Tx, copy_id: str, *, wait: bool = True) -> Job | None:
    """The job under a row lock; None if there is none, or it is locked and ``wait`` is not set."""
    copy = await tx.value("lock_copy" if wait else "lock_copy_if_free", copy_id)
    if copy is None:
        return None
    parts = await tx.row("parts_of_copy", copy_id)
    return _job(copy, *(parts or (None, None)))


async def load(tx: Tx, copy_id: str) -> Job | None:
    """The job, whose row this transaction has locked already."""
    row = await tx.row("job", copy_id)
    return None if row is None else _job(*row)


async def lock_asked(tx: Tx, asker_id: str) -> Job | None:
    """The job an asker shares, under a row lock."""
    copy_id = await tx.value("copy_of_asker", asker_id)
    return None if copy_id is None else await lock(tx, copy_id)


async def lock_twin(tx: Tx, request: CopyRequested) -> Job | None:
    """The live job that moves the same bytes to the same place."""
    copy_id = await tx.value("live_twin", source_key(request), destination_key(request))
    job = None if copy_id is None else await lock(tx, copy_id)
    return job if job is not None and job.live else None


async def insert(tx: Tx, copy: CopyRecord) -> bool:
    """Insert a new copy, whose askers and hops are saved when it is planned; False if a live one
    of the same bytes to the same place was first."""
    return await tx.value("insert_copy", _row(copy)) is not None


async def save(tx: Tx, before: Job, step: Step) -> Job:
    """Write what a step changed and say what follows; the job as it now is."""
    after = step.job
    copy = _row(after.copy) if after.copy != before.copy else None
    askers, hops = _changed(after.askers, before.askers), _changed(after.hops, before.hops)
    if copy or askers or hops:
        await tx.run("save_job", copy, askers, hops)
    for said in step.say:
        await tx.say(said.message, to=said.to)
    for signal in step.signals:
        tx.signal(signal)
    if step.reserve is not None:
        await tx.intend(
            RESERVE_CACHE,
            ReserveFor(copy_id=after.copy.id),
            after=step.reserve.after,
            within=max(timedelta(seconds=1), step.reserve.until - tx.now),
        )
    return after


async def fleet(tx: Tx) -> Fleet:
    """What placing a hop depends on."""
    row = await tx.row("fleet")
    agents, stores, used = row or (None, None, None)
    known = (StoreRecord.model_validate(store) for store in stores or ())
    return Fleet(
        tuple(AgentRecord.model_validate(agent) for agent in agents or ()),
        {store.id: store for store in known},
        used or {},
        tx.now,
    )


async def put(tx: Tx, record: AgentRecord | StoreRecord) -> None:
    """Insert or update what an agent or a store's owner said."""
    query = "save_agent" if isinstance(record, AgentRecord) else "save_store"
    await tx.run(query, _row(record))


def _job(copy: Any, askers: Any, hops: Any) -> Job:
    return Job(
        CopyRecord.model_validate(copy),
        tuple(AskerRecord.model_validate(row) for row in askers or ()),
        tuple(HopRecord.model_validate(row) for row in hops or ()),
    )


def _changed(after: Sequence[Record], before: Sequence[Record]) -> list[dict[str, Any]]:
    return [_row(row) for row in after if row not in before]


def _row(record: Value) -> dict[str, Any]:
    return record.model_dump(mode="json")
