"""How far an object was taken over, by what is shown of it."""

from collections.abc import Mapping
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Conflict, Problem
from stowage_contracts.values import ReplicaState

from api_gateway.routes.importing.bodies import Item, NewImport, Progress


def progress_of(new: NewImport, row: Record | None) -> Item:
    """Unknown where nobody asked for it, or not for all its places."""
    if row is None:
        return _item(new, Progress.UNKNOWN)
    if row["removed"] or row["state"].get("removed"):
        return _item(new, Progress.DELETED)
    state = row["state"]
    if (state["kind"], row["account_id"]) != (new.kind, new.account_id):
        taken = Conflict("the id is another object's", resource=str(new.what), code="exists")
        return _item(new, Progress.REFUSED, taken.problem)
    if row["sequence"] == 0:
        return _item(new, Progress.READING)
    return _of_places(new, state)


def _of_places(new: NewImport, state: Mapping[str, Any]) -> Item:
    on = {replica["store_id"]: replica for replica in state["replicas"]}
    wanted = [on.get(place.store_id) for place in new.places]
    failed = [one for one in wanted if one and one["state"] == ReplicaState.FAILED]
    if failed:
        return _item(new, Progress.FAILED, _problem(failed[0]["error"]))
    if None in wanted:
        error = _problem(state["error"])
        return _item(new, Progress.FAILED if error else Progress.UNKNOWN, error)
    ready = all(one and one["state"] == ReplicaState.READY for one in wanted)
    return _item(new, Progress.READY if ready else Progress.READING)


def _problem(raw: Any) -> Problem | None:
    return Problem.model_validate(raw) if raw else None


def _item(new: NewImport, progress: Progress, error: Problem | None = None) -> Item:
    return Item(kind=new.kind, id=new.id, progress=progress, error=error)
