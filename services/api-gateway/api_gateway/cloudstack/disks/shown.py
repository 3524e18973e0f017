"""Answers made of one volume or snapshot."""

from collections.abc import Mapping
from typing import Any

from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Row, fitted
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.disks.rows import SNAPSHOT, VOLUME, snapshot_rows, volume_rows
from api_gateway.cloudstack.disks.states import State
from api_gateway.cloudstack.images.around import Entry
from api_gateway.cloudstack.jobs import Job
from api_gateway.cloudstack.linking import linked
from api_gateway.deps import Deps


async def volume(state: State, ask: Ask, tx: Tx) -> Row:
    """One volume."""
    (row,) = await volume_rows([state], tx, admin=ask.caller.admin)
    return row


async def volume_result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """What a job on a volume tells that ended well."""
    async with desk.transaction() as tx:
        found = await tx.row("resource", VOLUME, job.subject_id)
        if found is None:
            return {"success": True}
        (row,) = await volume_rows([found["state"]], tx, admin=False)
    return {VOLUME: fitted(row, "VolumeResponse")}


async def snapshot_result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """What a job on a snapshot tells that ended well."""
    async with desk.transaction() as tx:
        found = await tx.row("resource", SNAPSHOT, job.subject_id)
        if found is None:
            return {"success": True}
        (row,) = await snapshot_rows([Entry(found["state"])], tx, admin=False)
    return {SNAPSHOT: fitted(row, "SnapshotResponse")}


async def link_result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """The link of an extract command, made anew."""
    row = {**await linked(job, desk), "storagetype": job.noun}
    return {job.noun: fitted(row, "ExtractResponse")}
