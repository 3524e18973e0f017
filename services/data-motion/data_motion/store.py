"""data-motion's SQL: jobs are locked, loaded and saved as a whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import HopFinished, HopProgressed
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import Value
from stowage_runtime.handling.tx import Tx

from data_motion.intent_payloads import RESERVE_CACHE, ReserveFor
from data_motion.model import begin, destination_key, source_key
from data_motion.model.placing import Fleet
from data_motion.model.states import HopState, ended
from data_motion.model.turn import Step
from data_motion.records import AgentRecord, CopyRecord, FleetRecord, Job, StoreRecord
from data_motion.under_lock import Jobs, array

AT_ONCE = timedelta(seconds=1)
_SAVES: dict[type[Value], str] = {
    AgentRecord: "save_agent",
    StoreRecord: "save_store",
    FleetRecord: "save_fleet",
}
_OF_A_COPY = (HopFinished, HopCommitted, HopCommitFailed, HopProgressed)


async def ahead(messages: Sequence[Message], tx: Tx, deps: object) -> None:
    """Lock the jobs these are about, and insert the copies they ask for, in a few statements."""
    asked = [message for message in messages if isinstance(message, CopyRequested)]
    jobs = Jobs.of(tx)
    if len(asked) > 1:
        await _known(jobs, [message.copy_id for message in asked], tx)
        await _insert(
            jobs, [begin(m, tx.now).copy for m in asked if not jobs.askers[m.copy_id]], tx
        )
    await jobs.lock((m.copy_id for m in messages if isinstance(m, _OF_A_COPY)), tx)


async def lock(tx: Tx, copy_id: str, *, wait: bool = True) -> Job | None:
    """The job under a row lock; None if there is none, or it is locked and ``wait`` is not set."""
    jobs = Jobs.of(tx)
    await jobs.lock([copy_id], tx, wait=wait)
    held = jobs.held[copy_id]
    if held is None and not wait:
        del jobs.held[copy_id]
    return held.job if held else None


async def load(tx: Tx, copy_id: str) -> Job | None:
    """The job, whose row this transaction has locked already."""
    return await lock(tx, copy_id)


async def lock_asked(tx: Tx, asker_id: str) -> Job | None:
    """The job an asker shares, under a row lock."""
    jobs = Jobs.of(tx)
    await _known(jobs, [asker_id], tx)
    copy_id = jobs.askers[asker_id]
    return None if copy_id is None else await lock(tx, copy_id)


async def lock_twin(tx: Tx, request: CopyRequested) -> Job | None:
    """The live job that moves the same bytes to the same place."""
    copy_id = await tx.value("live_twin", source_key(request), destination_key(request))
    job = None if copy_id is None else await lock(tx, copy_id)
    return job if job is not None and job.live else None


async def insert(tx: Tx, copy: CopyRecord) -> bool:
    """Insert a new copy, whose askers and hops are saved when it is planned; False if a live one
    of the same bytes to the same place was first."""
    jobs = Jobs.of(tx)
    if copy.id not in jobs.withdrawn:
        await _insert(jobs, [copy], tx)
    return copy.id in jobs.inserted


async def withdrawn(tx: Tx, copy_id: str) -> str | None:
    """Why a copy that was inserted now had been cancelled already; told once."""
    return Jobs.of(tx).withdrawn.pop(copy_id, None)


async def save(tx: Tx, before: Job, step: Step) -> Job:
    """Write what a step changed and say what follows; the job as it now is."""
    after = step.job
    mine = Jobs.of(tx).put(before, after, tx).tx
    for said in step.say:
        await mine.say(said.message, to=said.to)
    if not _over_at_once(after, tx):
        for signal in step.signals:
            mine.signal(signal)
    if step.reserve is not None:
        await mine.intend(
            RESERVE_CACHE,
            ReserveFor(copy_id=after.copy.id),
            after=step.reserve.after,
            within=max(timedelta(seconds=1), step.reserve.until - tx.now),
        )
    return after


def _over_at_once(job: Job, tx: Tx) -> bool:
    """Whether its events say all there is to say: one hop that has ended, or is being committed
    so soon after the request that nobody can have looked."""
    hop = job.current
    if len(job.hops) > 1 or (hop and hop.state is not HopState.COMMITTING):
        return False
    return ended(job.copy.state) or tx.now - job.copy.created < AT_ONCE


async def _known(jobs: Jobs, asker_ids: Sequence[str], tx: Tx) -> None:
    wanted = [id for id in asker_ids if id not in jobs.askers]
    if wanted:
        rows = await tx.rows("copies_of_askers", wanted)
        jobs.askers |= dict.fromkeys(wanted) | {row["id"]: row["copy_id"] for row in rows}


async def _insert(jobs: Jobs, copies: Sequence[CopyRecord], tx: Tx) -> None:
    if not copies:
        return
    unique = {copy.id: copy for copy in copies}
    rows = await tx.rows("insert_copies", array([c.model_dump_json() for c in unique.values()]))
    jobs.inserted |= {row["id"] for row in rows}
    gone = await tx.rows("withdrawals", list(unique))
    jobs.withdrawn |= dict.fromkeys(unique) | {row["copy_id"]: row["reason"] for row in gone}


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


async def put(tx: Tx, record: AgentRecord | StoreRecord | FleetRecord) -> None:
    """Insert or update what an agent or the owner of a store or fleet said."""
    await tx.run(_SAVES[type(record)], _row(record))


def _row(record: Value) -> dict[str, Any]:
    return record.model_dump(mode="json")
