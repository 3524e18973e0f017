"""What the API answers beyond the public states of the nouns."""

from typing import Generic, TypeVar

from stowage_contracts.caching import Decision, EntryView, FleetStep, StrategySays
from stowage_contracts.catalogue import Finding, PlacementAnswer, PlannedMove, StoreEntry
from stowage_contracts.errors import Problem
from stowage_contracts.grants import PartDone, PartUrl
from stowage_contracts.values import Bytes, Id, Instant, Name, ObjectKind, ObjectRef, Secret, Value
from stowage_contracts.views import (
    HopView,
    HostView,
    SnapshotView,
    StrategyAnswer,
    TemplateView,
    VolumeView,
)

T = TypeVar("T")


class Page(Value, Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    next: str | None = None


class RegisteredTemplate(TemplateView):
    """A template and the copy that fetches it."""

    copy_id: Id | None = None


class RegisteredVolume(VolumeView):
    """A volume and the copy that fetches it."""

    copy_id: Id | None = None


class RegisteredSnapshot(SnapshotView):
    """A snapshot and the copy that fetches it."""

    copy_id: Id | None = None


class Availability(Value):
    """Whether an object was in a zone when that was asked for."""

    already_available: bool
    zone_id: Id


class UploadSession(Value):
    """Part URLs and the parts that arrived, or one door (``url``) that takes ranges."""

    part_size: Bytes = 0
    part_growth: int = 0
    parts: tuple[PartUrl, ...] = ()
    done: tuple[PartDone, ...] = ()
    url: Secret | None = None
    expires: Instant


class LinkView(Value):
    """That somebody may download an object for some time; not the URL."""

    id: Id
    object: ObjectRef
    file_name: Name
    made: Instant
    expires: Instant
    revoked: Instant | None = None


class LinkUrl(Value):
    """A download link."""

    id: Id
    url: Secret
    expires: Instant


class EvacuationPlan(Value):
    """What an evacuation would move."""

    moves: tuple[PlannedMove, ...]
    bytes_to_move: Bytes


class ShelfPage(Value):
    """What stands in one folder of a store."""

    entries: tuple[StoreEntry, ...]
    count: int
    """Of all in the folder, at most ten thousand."""


class FindingsPage(Value):
    """Differences between a store and the catalogue, in the order of their ids."""

    findings: tuple[Finding, ...]


class DemotionOrder(Value):
    """An image store that was asked to become a cache store, and the id that one gets."""

    id: Id
    cache_store_id: Id


class EntriesPage(Value):
    """A page of what caches hold."""

    entries: tuple[EntryView, ...]
    next: Id | None = None


class EntryOrder(Value):
    """What was asked of an entry's owner."""

    id: Id
    held_until: Instant | None = None


class DecisionsPage(Value):
    """The newest decisions."""

    decisions: tuple[Decision, ...]


class FleetExplanation(Value):
    """Why a fleet is as large as it is; the first answer is of its own strategy."""

    fleet_id: Id
    answers: tuple[StrategySays, ...]
    doing: str
    decisions: tuple[Decision, ...] = ()


class FleetTrial(Value):
    """What a fleet would have done on a made-up day."""

    fleet_id: Id
    steps: tuple[FleetStep, ...]
    p95_wait_seconds: float
    vm_hours: float
    flaps: int
    most: int


class PlacementExplanation(Value):
    """Every image store's answer, and the rule that decided."""

    rule_id: Id | None = None
    answers: tuple[PlacementAnswer, ...]


class AnnouncedHost(HostView):
    """A host and the one-time token its agent joins with."""

    join_token: Secret


class Explanation(Value):
    """Why a copy goes the way it goes."""

    copy_id: Id
    state: str
    strategy: str
    answers: tuple[StrategyAnswer, ...] = ()
    hops: tuple[HopView, ...] = ()
    waiting_for: str = ""
    now: tuple[StrategyAnswer, ...] | None = None
    """What would be answered today, where that was asked for…"""
    now_problem: Problem | None = None
    """…and why nothing could carry it."""


class ImportedItem(Value):
    """How far one object of another cloud was taken over."""

    kind: ObjectKind
    id: Id
    progress: str
    """unknown, taken, reading, ready, failed, deleted or refused."""
    error: Problem | None = None


class ImportedBatch(Value):
    """What became of each, in the order asked."""

    items: tuple[ImportedItem, ...]


class DomainView(Value):
    """A domain; its path begins with ROOT."""

    id: Id
    name: str
    parent_id: Id | None = None
    path: str
    network_domain: str = ""
    created: Instant


class AccountView(Value):
    """An account."""

    id: Id
    name: str
    role: str
    state: str
    domain_id: Id
    domain_path: str
    network_domain: str = ""
    created: Instant


class UserView(Value):
    """Somebody who acts for an account."""

    id: Id
    account_id: Id
    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    timezone: str = ""
    state: str
    created: Instant
    has_password: bool


class UserList(Value):
    """All users of an account."""

    items: tuple[UserView, ...]


class AccountLimits(Value):
    """How much an account, or a domain with all below, may have; None: as much as it likes."""

    templates: int | None = None
    volumes: int | None = None
    snapshots: int | None = None
    secondary_storage_gib: int | None = None


class KeyPair(Value):
    """A new account's keys, shown once."""

    id: Id
    account_id: Id
    api_key: Secret
    secret_key: Secret
