"""CloudStack's words for where a volume or snapshot stands (its API's, not its database's)."""

from collections.abc import Iterable, Mapping
from typing import Any

from stowage_contracts.values import ReplicaState, StoreRole

State = Mapping[str, Any]
DESTROYED = "destroyed"
"""Attribute of a volume that waits to be deleted: since when."""
_MAKING = frozenset({ReplicaState.ALLOCATED, ReplicaState.CREATING})


def volume_state(state: State, attributes: Mapping[str, Any]) -> str:
    """Of a volume, by what is told of it and where its replicas are."""
    if state["removed"]:
        return "Expunging" if state["replicas"] else "Expunged"
    if attributes.get(DESTROYED):
        return "Destroy"
    if state["ready"]:
        return _of_ready(state)
    if state["error"]:
        return "UploadError"
    if _on(state, StoreRole.PRIMARY, _MAKING):
        return "Creating"
    if _on(state, StoreRole.IMAGE, _MAKING):
        return "Uploading"
    return "UploadNotStarted" if state["upload"] else "Allocated"


def snapshot_state(state: State) -> str:
    """Of a snapshot."""
    if state["removed"]:
        return "Destroying" if state["replicas"] else "Destroyed"
    if state["ready"]:
        return "BackedUp"
    if state["error"]:
        return "Error"
    return "BackingUp" if _on(state, StoreRole.IMAGE, _MAKING) else "Allocated"


def on_role(state: State, role: StoreRole) -> State | None:
    """Its Ready replica on a store of a role."""
    return next(iter(_on(state, role, {ReplicaState.READY})), None)


def _of_ready(state: State) -> str:
    here = on_role(state, StoreRole.PRIMARY)
    going = _on(state, StoreRole.PRIMARY, _MAKING) or (
        here and _on(state, StoreRole.IMAGE, _MAKING)
    )
    if going:
        return "Migrating" if here else "Copying"
    return "Ready" if here else "Uploaded"


def _on(state: State, role: StoreRole, states: Iterable[str]) -> list[State]:
    wanted = frozenset(states)
    return [r for r in state["replicas"] if r["role"] == role and r["state"] in wanted]
