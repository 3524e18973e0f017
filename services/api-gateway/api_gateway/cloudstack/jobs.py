"""Jobs: what an asynchronous command waits for, told by the state of its subject."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Started
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import code_of, text_of
from api_gateway.deps import Deps

PENDING, SUCCEEDED, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Job:
    """One row."""

    id: str
    account_id: str
    user_id: str
    command: str
    noun: str
    subject_id: str
    facts: Mapping[str, Any]
    """What its command wanted to remember; never a secret."""
    status: int
    code: int
    error: str
    created: datetime
    completed: datetime | None
    looked: datetime

    @classmethod
    def of(cls, row: Record) -> "Job":
        """Of a row of ``async_jobs``."""
        return cls(**dict(row))


@dataclass(frozen=True)
class Ended:
    """A job that is over; with an error it failed."""

    error: StowageError | None = None


Follow = Callable[[Job, Tx], Awaitable[Ended | None]]
"""Looks at what a job waits for; None while it goes on."""
Result = Callable[[Job, Desk, Deps], Awaitable[Mapping[str, Any]]]
"""``jobresult`` of a job that succeeded."""


async def start(ask: Ask, tx: Tx, noun: str, key: str, **facts: Any) -> Started:
    """Add a job for the command of ``ask``; commits with what it waits for."""
    job_id, caller = new_id(), ask.caller
    row = (job_id, ask.principal.account_id, caller.user_id, ask.wire.name, noun, key, facts)
    await tx.run("add_job", *row)
    return Started(job_id, key)


async def settled(job: Job, follow: Follow, tx: Tx) -> Job:
    """The job with its outcome, which is kept once there is one."""
    if job.status != PENDING:
        return job
    ended = await follow(job, tx)
    if ended is None:
        return job
    error = ended.error
    told = (SUCCEEDED, 0, "") if error is None else (FAILED, code_of(error).status, text_of(error))
    await tx.run("end_job", job.id, *told)
    row = await tx.row("job", job.id, None)
    return job if row is None else Job.of(row)


async def at_once(job: Job, tx: Tx) -> Ended | None:
    """Nothing is left to wait for."""
    return Ended()


async def when_ready(job: Job, tx: Tx) -> Ended | None:
    """Its object can be used, or has failed."""
    state = await _state(job.noun, job.subject_id, tx)
    if state is None or state.get("removed"):
        return Ended(_gone(job))
    if state["ready"]:
        return Ended()
    return _failed(state)


async def when_copied(job: Job, tx: Tx) -> Ended | None:
    """The copy ``facts["copy_id"]`` ended."""
    state = await _state("copy", job.facts["copy_id"], tx)
    if state is None:
        return Ended(_gone(job))
    if state["state"] == "done":
        return Ended()
    return _failed(state)


async def success(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """Jobs that answer no more than that."""
    return {"success": True}


async def _state(noun: str, key: str, tx: Tx) -> dict[str, Any] | None:
    row = await tx.row("resource", noun, key)
    if row is None or (row["removed"] and not {"state", "removed"} & set(row["state"])):
        return None
    found: dict[str, Any] = row["state"]
    return found


def _failed(state: Mapping[str, Any]) -> Ended | None:
    error = state.get("error")
    return Ended(Problem.model_validate(error).error()) if error else None


def _gone(job: Job) -> StowageError:
    cause = f"the {job.noun} is gone"
    return StowageError(cause, resource=f"{job.noun}/{job.subject_id}")
