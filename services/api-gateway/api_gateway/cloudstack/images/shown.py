"""Answers made of the state of one template or ISO."""

from collections.abc import Mapping, Sequence
from typing import Any

from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Row, fitted
from api_gateway.cloudstack.images.around import Around, Entry, State
from api_gateway.cloudstack.images.kinds import ISO, NOUN, Kind
from api_gateway.cloudstack.images.rows import row_of
from api_gateway.cloudstack.jobs import Job
from api_gateway.deps import Deps


async def rows_of(entries: Sequence[Entry], tx: Tx) -> list[Row]:
    """Of a page."""
    around = await Around.of([entry.state for entry in entries], tx)
    return [row_of(entry, around) for entry in entries]


async def whole(state: State, tx: Tx) -> Row:
    """The object itself, whatever its zones."""
    (row,) = await rows_of([Entry(state, ready=bool(state.get("ready")))], tx)
    return row


async def result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """What a job tells that ended well: the object as it is now."""
    async with desk.transaction() as tx:
        found = await tx.row("resource", NOUN, job.subject_id)
        if found is None:
            return {"success": True}
        row = await whole(found["state"], tx)
    return {_key(found["state"]): fitted(row, "TemplateResponse")}


def _key(state: State) -> str:
    iso: Kind = ISO
    return iso.key if state["kind"] == iso.kind else NOUN
