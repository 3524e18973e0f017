"""When jobs on templates and ISOs are over."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from stowage_contracts.errors import Problem, StowageError
from stowage_contracts.values import ReplicaState, ScopeType, StoreRole
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.jobs import Ended, Job

_MAKING = frozenset({ReplicaState.ALLOCATED, ReplicaState.CREATING})
_PATIENCE = timedelta(seconds=30)
"""How long an error that was there before may stand before it counts as the job's."""


async def when_gone(job: Job, tx: Tx) -> Ended | None:
    """It is deleted, or has left the zone; a refusal of its owner stands in its state."""
    state = await _state(job, tx)
    if state is None:
        return Ended()
    left = job.facts["left"]
    if left and left not in _zones(state):
        return Ended()
    return _refused(state, job, tx)


async def when_there(job: Job, tx: Tx) -> Ended | None:
    """It can be read in the zones of ``facts["zones"]``, or nothing brings it there any more."""
    state = await _state(job, tx)
    if state is None:
        return Ended(
            StowageError(f"the {job.noun} is gone", resource=f"{job.noun}/{job.subject_id}")
        )
    ready = {zone["zone_id"] for zone in state.get("zones", ()) if zone["ready"]}
    if ready.issuperset(job.facts["zones"]):
        return Ended()
    return None if _making(state) else _refused(state, job, tx)


async def _state(job: Job, tx: Tx) -> Mapping[str, Any] | None:
    row = await tx.row("resource", job.noun, job.subject_id)
    return None if row is None or row["state"].get("removed") else row["state"]


def _zones(state: Mapping[str, Any]) -> Sequence[str]:
    told = [zone["zone_id"] for zone in state["zones"]]
    narrow = state["scope"]["type"] == ScopeType.ZONE
    return told or ([state["scope"]["zone_id"]] if narrow else [])


def _making(state: Mapping[str, Any]) -> bool:
    return any(
        replica["state"] in _MAKING and replica["role"] == StoreRole.IMAGE
        for replica in state["replicas"]
    )


def _refused(state: Mapping[str, Any], job: Job, tx: Tx) -> Ended | None:
    error = state.get("error")
    late = tx.now - job.created > _PATIENCE
    if not error or (error == job.facts.get("error") and not late):
        return None
    return Ended(Problem.model_validate(error).error())
