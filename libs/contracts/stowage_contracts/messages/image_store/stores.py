"""Data stores: added, changed, emptied, compared with the catalogue, removed."""

from typing import Any

from stowage_contracts.catalogue import Finding, PlannedMove, StoreEntry
from stowage_contracts.messages.image_store.words import Command, Event, Reply, Request, StateEvent
from stowage_contracts.values import Bytes, Id, Name, ObjectRef, Scope, StoreRole, StoreState
from stowage_contracts.views import ProviderView, StoreView


class AddStore(Command, subject="store/{store_id}"):
    """Probe a store and, only if every check passes, add it.

    Sent to image-store (role Image) or cache-autoscaler (role ImageCache).
    """

    store_id: Id
    name: Name
    provider: Name
    role: StoreRole
    scope: Scope
    settings: dict[str, Any] = {}
    """The provider's settings without its secret fields."""
    sealed: str = ""
    """The secret fields as JSON, sealed for the owner's public key."""
    tags: tuple[Name, ...] = ()
    """What placement rules may ask for."""


class ProbeStore(Command, subject="store/{store_id}"):
    """Probe a known store again."""

    store_id: Id


class ChangeStore(Command, subject="store/{store_id}"):
    """Change what a store may be asked to do, or what is known of it; None leaves a thing alone.

    New settings or secrets are probed first and hold only if every check passes.
    """

    store_id: Id
    state: StoreState | None = None
    """Up (also ends maintenance), ReadOnly, Draining or Disabled."""
    name: Name | None = None
    tags: tuple[Name, ...] | None = None
    settings: dict[str, Any] | None = None
    sealed: str | None = None
    """New secret fields, sealed as in AddStore."""
    capacity_bytes: Bytes | None = None
    """What it may hold whatever its server tells, which may tell nothing."""
    asked: Id | None = None
    """Told back in the details of a refusal (``asked``), so that its asker knows it."""


class EvacuateStore(Command, subject="store/{store_id}"):
    """Move everything off a store, verified; then remove it if asked."""

    store_id: Id
    remove: bool = False
    to_store_ids: tuple[Id, ...] = ()
    """Only to these; placement chooses among all when empty."""
    evacuation_id: Id | None = None
    """By which its asker knows it in the store's state."""


class StopEvacuation(Command, subject="store/{store_id}"):
    """Leave what is still there; the store stays Draining until it is changed."""

    store_id: Id


class ScanStore(Command, subject="store/{store_id}"):
    """Compare what is on a store with what should be."""

    store_id: Id


class CleanStore(Command, subject="store/{store_id}"):
    """Remove named findings, each only if it was seen twice and its grace is over."""

    store_id: Id
    finding_ids: tuple[Id, ...]


class MoveReplicas(Command, subject="store/{store_id}"):
    """Move some objects off a store, verified, snapshots with all they stand on and that stand on
    them; to no store at all: leave there what has not gone yet."""

    store_id: Id
    objects: tuple[ObjectRef, ...]
    to_store_ids: tuple[Id, ...]


class AdoptStore(Command, subject="store/{store_id}"):
    """Rebuild the catalogue from the manifests on a store, through the gate."""

    store_id: Id


class DemoteStore(Command, subject="store/{store_id}"):
    """Make an image store a cache store of that scope, under a new id, without moving a byte;
    refused while it holds the only replica of anything."""

    store_id: Id
    cache_store_id: Id
    name: Name
    scope: Scope
    copy_first: bool = False
    """Instead of a refusal, bring what only it holds to other image stores, and then do it."""
    asked: Id | None = None
    """As in ChangeStore."""


class RemoveStore(Command, subject="store/{store_id}"):
    """Remove a store; refused while a replica is on it."""

    store_id: Id
    asked: Id | None = None
    """As in ChangeStore."""


class StoreAdded(StateEvent, subject="store/{state.id}"):
    """A store passed its probe (or a pool was reported) and may be used."""

    state: StoreView


class StoreChanged(StateEvent, subject="store/{state.id}"):
    """A store's capacity or state changed."""

    state: StoreView


class StoreDegraded(StateEvent, subject="store/{state.id}"):
    """A store failed a probe after it was added."""

    state: StoreView


class StoreRejected(StateEvent, subject="store/{state.id}"):
    """A store failed its first probe; nothing of it is kept by its owner."""

    state: StoreView


class StoreRemoved(StateEvent, subject="store/{state.id}"):
    """A store is gone."""

    state: StoreView


class StoreDemoted(Event, subject="store/{store_id}"):
    """An image store is given up as it stands: its place and every byte on it are the caches'."""

    store_id: Id
    cache: StoreView
    """As it is to be from now on: id, name, provider, settings, scope."""
    sealed: str = ""
    """Its secrets, sealed for cache-autoscaler."""


class CapacityWarning(Event, subject="store/{store_id}"):
    """A store crossed its high-water mark; said once per crossing."""

    store_id: Id
    used_bytes: Bytes
    total_bytes: Bytes


class ProviderOffered(StateEvent, subject="provider/{state.id}"):
    """A provider can be used for new stores."""

    state: ProviderView


class PlanEvacuation(Request, subject="store/{store_id}"):
    """What an evacuation would move, and where."""

    store_id: Id


class EvacuationPlanned(Reply, subject="store/{store_id}"):
    """Each object on the store; without ``to_store_id`` it can't be moved and says why."""

    store_id: Id
    moves: tuple[PlannedMove, ...]
    bytes_to_move: Bytes


class PlanMoves(Request, subject="store/{store_id}"):
    """What would be moved off a store to others: the objects named, snapshots with their chains;
    without any, what evens out how full the stores are (chains of snapshots stay)."""

    store_id: Id
    to_store_ids: tuple[Id, ...]
    objects: tuple[ObjectRef, ...] = ()


class MovesPlanned(Reply, subject="store/{store_id}"):
    """A thousand objects at most; ``possible`` is False for those that are not there."""

    store_id: Id
    moves: tuple[PlannedMove, ...]


class ListStoreObjects(Request, subject="store/{store_id}"):
    """What stands in a folder of an image store, or at one key: what the catalogue has there, and
    what the last comparison found beside that."""

    store_id: Id
    path: str = ""
    offset: int = 0
    limit: int = 500


class StoreObjectsListed(Reply, subject="store/{store_id}"):
    """In the order of their keys."""

    store_id: Id
    entries: tuple[StoreEntry, ...]
    count: int
    """Of all in the folder, at most ten thousand."""


class ListFindings(Request, subject="store/{store_id}"):
    """A page of what the last scans found."""

    store_id: Id
    after: str = ""
    limit: int = 100


class FindingsListed(Reply, subject="store/{store_id}"):
    """In the order of their ids; the next page begins after the last one."""

    store_id: Id
    findings: tuple[Finding, ...]
