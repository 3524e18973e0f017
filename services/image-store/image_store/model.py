"""Rules of replicas, placement and room; no I/O.

Replica transitions are CloudStack's ObjectInDataStoreStateMachine (cloudstack engine/api,
``ObjectInDataStoreStateMachine.java``), without the states it never reaches.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from stowage_contracts.errors import Conflict, OutOfSpace
from stowage_contracts.values import Id, ReplicaState, Scope, ScopeType, StoreState


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
    (_S.FAILED, _E.DESTROY_REQUESTED): _S.DESTROYING,
    (_S.HIDDEN, _E.DESTROY_REQUESTED): _S.DESTROYING,
}


def next_state(state: ReplicaState, event: ReplicaEvent) -> ReplicaState:
    """The state after ``event``; raises Conflict when there is no such transition."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise Conflict(f"a {state} replica cannot take {event}", code="transition")
    return after


@dataclass(frozen=True)
class Room:
    """A store as placement sees it; sizes in bytes, None where a store has no end."""

    store_id: Id
    scope: Scope
    state: StoreState
    total: int | None
    used: int | None
    reserved: int

    def free(self, high_water: float) -> float:
        """Bytes that may still be reserved below the high-water share."""
        if self.total is None:
            return float("inf")
        return self.total * high_water - (self.used or 0) - self.reserved


def place(rooms: Iterable[Room], scope: Scope, need: int | None, high_water: float) -> Room:
    """The writable store reaching ``scope`` with most room; raises Conflict or OutOfSpace."""
    inside = [room for room in rooms if room.state.writable and reaches(room.scope, scope)]
    if not inside:
        raise Conflict(
            f"no writable image store reaches {scope.type} {scope.id or ''}".rstrip(),
            code="no_store",
            hint="add an image store with that zone or region as its scope",
        )
    best = max(inside, key=lambda room: (room.free(high_water), room.store_id))
    check_room(best, need, high_water)
    return best


def check_room(room: Room, need: int | None, high_water: float) -> None:
    """Raises OutOfSpace unless ``need`` more bytes (at least one) fit on the store."""
    free = room.free(high_water)
    if free < max(need or 0, 1):
        raise OutOfSpace(
            f"{need or 'unknown'} bytes wanted, {max(0, int(free))} free below the high-water mark",
            resource=f"store/{room.store_id}",
            hint="free space, grow the store or add another",
        )


def reaches(store: Scope, wanted: Scope) -> bool:
    """Whether a store of one scope serves everything in another."""
    if store.type is ScopeType.REGION or store == wanted:
        return True
    return store.type is ScopeType.ZONE and wanted.zone_id == store.id


def install_path(account_id: str, template_id: str, suffix: str) -> str:
    """CloudStack's layout: ``template/tmpl/<account>/<template>/<file>``."""
    return f"template/tmpl/{account_id}/{template_id}/{template_id}.{suffix}"
