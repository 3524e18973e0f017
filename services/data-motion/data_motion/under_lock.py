"""The jobs a transaction holds: locked once, changed in memory, written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter
from stowage_runtime.handling.tx import Tx

from data_motion.records import AskerRecord, CopyRecord, HopRecord, Job, Record

_ASKERS, _HOPS = TypeAdapter(tuple[AskerRecord, ...]), TypeAdapter(tuple[HopRecord, ...])
_KEY = "jobs"
_NEVER_CHANGES = {"request"}
"""Columns of a copy that are written once."""


@dataclass
class Held:
    """A job under this transaction's lock."""

    job: Job
    """As it is by now."""
    stored: Job
    """As the database has it."""
    tx: Tx
    """The message that it was locked for: what follows belongs to that one's conversation."""


@dataclass
class Jobs:
    """What one transaction knows of jobs; nobody else can change those it holds."""

    held: dict[str, Held | None] = field(default_factory=dict)
    """By copy; None where there is no such copy."""
    askers: dict[str, str | None] = field(default_factory=dict)
    """The copies of askers that were looked up."""
    inserted: set[str] = field(default_factory=set)
    withdrawn: dict[str, str | None] = field(default_factory=dict)
    """Reasons of cancels that overtook their requests, by copy."""

    @classmethod
    def of(cls, tx: Tx) -> "Jobs":
        """Those of a transaction."""
        jobs: Jobs | None = tx.memo.get(_KEY)
        if jobs is None:
            jobs = tx.memo[_KEY] = cls()
        return jobs

    async def lock(self, copy_ids: Iterable[str], tx: Tx, *, wait: bool = True) -> None:
        """Lock and read what is not held yet."""
        wanted = sorted({id for id in copy_ids if id not in self.held})
        if not wanted:
            return
        locked = await tx.rows("lock_copies" if wait else "lock_copies_if_free", wanted)
        copies = {row["id"]: row["copy"] for row in locked}
        parts = await tx.rows("parts_of_copies", list(copies)) if copies else []
        self.held.update(dict.fromkeys(wanted))
        for row in parts:
            self.hold(_job(copies[row["id"]], row["askers"], row["hops"]), tx)

    def hold(self, job: Job, tx: Tx) -> Held:
        """Take a job whose row is locked."""
        held = self.held[job.copy.id] = Held(job, job, tx)
        return held

    def put(self, before: Job, after: Job, tx: Tx) -> Held:
        """Change a job; written before the transaction's next statement."""
        held = self.held.get(after.copy.id) or self.hold(before, tx)
        held.job = after
        self.askers |= {asker.id: after.copy.id for asker in after.askers}
        if held.job is not held.stored:
            tx.behind(_KEY, lambda: self._write(tx))
        return held

    async def _write(self, tx: Tx) -> None:
        copies: list[str] = []
        askers: list[str] = []
        hops: list[str] = []
        for held in filter(None, self.held.values()):
            before, after = held.stored, held.job
            if after is before:
                continue
            if after.copy != before.copy:
                copies.append(after.copy.model_dump_json(exclude=_NEVER_CHANGES))
            askers += _changed(after.askers, before.askers)
            hops += _changed(after.hops, before.hops)
            held.stored = after
        if copies or askers or hops:
            await tx.run("save_job", *map(array, (copies, askers, hops)))


def array(rows: Sequence[str]) -> str:
    """A JSON array of JSON texts."""
    return f"[{','.join(rows)}]"


def _job(copy: str, askers: str | None, hops: str | None) -> Job:
    return Job(
        CopyRecord.model_validate_json(copy),
        _ASKERS.validate_json(askers or "[]"),
        _HOPS.validate_json(hops or "[]"),
    )


def _changed(after: Sequence[Record], before: Sequence[Record]) -> list[str]:
    same: Any = {row.id: row for row in before}  # type: ignore[attr-defined]
    return [row.model_dump_json() for row in after if row != same.get(row.id)]  # type: ignore[attr-defined]
