"""What may happen to a replica.

Replica transitions are CloudStack's ObjectInDataStoreStateMachine (cloudstack engine/api,
``ObjectInDataStoreStateMachine.java``), without the states it never reaches; it has no word for
bytes that were found to be damaged, or whole again, or are kept only for what stands on them, so
DAMAGED, VERIFIED and HIDE_REQUESTED are ours.
"""

from enum import StrEnum

from stowage_contracts.errors import Conflict
from stowage_contracts.values import ReplicaState


class ReplicaEvent(StrEnum):
    """What happens to a replica; CloudStack's spelling."""

    CREATE_ONLY_REQUESTED = "CreateOnlyRequested"
    OPERATION_SUCCEEDED = "OperationSucceeded"
    OPERATION_FAILED = "OperationFailed"
    DESTROY_REQUESTED = "DestroyRequested"
    COPY_REQUESTED = "CopyRequested"
    MIGRATE_DATA_REQUESTED = "MigrateDataRequested"
    MIGRATION_SUCCEEDED = "MigrationSucceeded"
    MIGRATION_FAILED = "MigrationFailed"
    DAMAGED = "Damaged"
    VERIFIED = "Verified"
    HIDE_REQUESTED = "HideRequested"


_S, _E = ReplicaState, ReplicaEvent
TRANSITIONS: dict[tuple[ReplicaState, ReplicaEvent], ReplicaState] = {
    (_S.ALLOCATED, _E.CREATE_ONLY_REQUESTED): _S.CREATING,
    (_S.ALLOCATED, _E.DESTROY_REQUESTED): _S.DESTROYING,
    (_S.ALLOCATED, _E.OPERATION_FAILED): _S.FAILED,
    (_S.ALLOCATED, _E.OPERATION_SUCCEEDED): _S.READY,
    (_S.ALLOCATED, _E.MIGRATE_DATA_REQUESTED): _S.MIGRATING,
    (_S.CREATING, _E.OPERATION_FAILED): _S.ALLOCATED,
    (_S.CREATING, _E.OPERATION_SUCCEEDED): _S.READY,
    (_S.READY, _E.COPY_REQUESTED): _S.COPYING,
    (_S.READY, _E.DESTROY_REQUESTED): _S.DESTROYING,
    (_S.READY, _E.OPERATION_SUCCEEDED): _S.READY,
    (_S.READY, _E.MIGRATE_DATA_REQUESTED): _S.MIGRATING,
    (_S.COPYING, _E.OPERATION_SUCCEEDED): _S.READY,
    (_S.COPYING, _E.OPERATION_FAILED): _S.READY,
    (_S.MIGRATING, _E.MIGRATION_SUCCEEDED): _S.DESTROYED,
    (_S.MIGRATING, _E.MIGRATION_FAILED): _S.FAILED,
    (_S.MIGRATING, _E.OPERATION_SUCCEEDED): _S.READY,
    (_S.MIGRATING, _E.OPERATION_FAILED): _S.READY,
    (_S.DESTROYING, _E.DESTROY_REQUESTED): _S.DESTROYING,
    (_S.DESTROYING, _E.OPERATION_SUCCEEDED): _S.DESTROYED,
    (_S.DESTROYING, _E.OPERATION_FAILED): _S.DESTROYING,
    (_S.DESTROYED, _E.DESTROY_REQUESTED): _S.DESTROYED,
    (_S.DESTROYED, _E.OPERATION_SUCCEEDED): _S.DESTROYED,
    (_S.DESTROYED, _E.OPERATION_FAILED): _S.DESTROYED,
    (_S.READY, _E.DAMAGED): _S.FAILED,
    (_S.FAILED, _E.VERIFIED): _S.READY,
    (_S.FAILED, _E.DESTROY_REQUESTED): _S.DESTROYING,
    (_S.READY, _E.HIDE_REQUESTED): _S.HIDDEN,
    (_S.HIDDEN, _E.DESTROY_REQUESTED): _S.DESTROYING,
}


def next_state(state: ReplicaState, event: ReplicaEvent) -> ReplicaState:
    """The state after ``event``; raises Conflict when there is no such transition."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise Conflict(f"a {state} replica cannot take {event}", code="transition")
    return after
