"""Volumes that wait for the pool's copy of their template: kept, and woken when it is settled."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Cancelled, Problem
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.values import Id, Value
from stowage_runtime.handling.tx import Tx


class InstallWork(Value):
    """A waiting volume whose base is settled."""

    copy_id: Id
    error: Problem | None = None
    """Why there is no base, and will be none."""


async def wait_for(tx: Tx, base: Record, ref: Record, message: RequestCopy) -> None:
    """Keep the request until the base is Ready."""
    kept = message.model_dump(mode="json")
    await tx.run("wait_for_base", message.copy_id, ref["id"], base["id"], kept)


async def stir(tx: Tx, base: Record, problem: Problem | None = None) -> None:
    """Have every volume go on that waits for a base; a base that was only cancelled is brought
    anew by whoever still wants it."""
    final = problem if problem and not problem.code.startswith(Cancelled.prefix) else None
    for row in await tx.rows("waiting_for", base["id"]):
        work = InstallWork(copy_id=row["copy_id"], error=final)
        await tx.intend("install", work, key=row["copy_id"], within=timedelta(hours=1))
