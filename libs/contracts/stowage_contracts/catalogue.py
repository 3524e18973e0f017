"""What is kept of objects and stores beyond their state: manifests, findings, placement rules."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from stowage_contracts.values import (
    Bytes,
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Instant,
    Name,
    ObjectKind,
    ObjectRef,
    Scope,
    Value,
)


class Manifest(Value):
    """What stands beside every object on a store, enough to know it again without a database."""

    version: Literal[1] = 1
    object: ObjectRef
    account_id: Id
    name: Name
    format: ImageFormat
    scope: Scope
    zones: tuple[Id, ...] = ()
    """Zones a perZone object was wished for."""
    size: Bytes
    virtual_size: Bytes | None = None
    digest: Digest
    checksum: Digest | None = None
    """The linear digest its registrant declared, of the source as given."""
    hypervisor: HypervisorKind | None = None
    parent_id: Id | None = None
    """Snapshots: the one this one stands on."""
    volume_id: Id | None = None
    """Snapshots: what they were taken of."""
    template_id: Id | None = None
    """Volumes: what they were made of."""
    tags: tuple[Name, ...] = ()
    min_copies: int = 1
    max_copies: int | None = None
    created: Instant


class FindingKind(StrEnum):
    """How a store and the catalogue may differ."""

    ORPHAN = "orphan"
    """On the store, in no catalogue."""
    MISSING = "missing"
    """In the catalogue, not on the store."""
    MISMATCHED = "mismatched"
    """There with another size."""
    OPEN_WRITE = "open_write"
    """An unfinished write that nobody makes."""


class Finding(Value):
    """One difference between a store and the catalogue."""

    id: Id
    kind: FindingKind
    key: str
    size: Bytes | None = None
    object: ObjectRef | None = None
    """What the catalogue says is there, or an orphan's manifest."""
    writer: str = ""
    first_seen: Instant
    last_seen: Instant
    sightings: int
    removable: bool
    """Seen twice and its grace over."""


class PlacementRule(Value):
    """The first rule, by order and id, whose every condition holds decides where a thing may go.

    An empty condition holds for everything.
    """

    id: Id
    name: Name
    order: int = 0
    kinds: tuple[ObjectKind, ...] = ()
    formats: tuple[ImageFormat, ...] = ()
    accounts: tuple[Id, ...] = ()
    zones: tuple[Id, ...] = ()
    tags: tuple[Name, ...] = ()
    """All of them are on the object."""
    min_size: Bytes | None = None
    max_size: Bytes | None = None
    """Inclusive; an unknown size holds for neither."""
    store_ids: tuple[Id, ...] = ()
    store_tags: tuple[Name, ...] = ()
    """Allowed are the stores named and those that carry all these tags."""


class PlacementAnswer(Value):
    """What was thought of one store."""

    store_id: Id
    chosen: bool = False
    allowed: bool
    reason: Annotated[str, Field(min_length=1)]


class StoreEntry(Value):
    """What stands in one folder of a store: an object, or a folder of them."""

    name: str
    """Without what it stands in."""
    folder: bool
    size: Bytes | None = None
    object: ObjectRef | None = None
    """None for folders, and for what is in no catalogue."""
    object_name: str = ""
    format: ImageFormat | None = None
    updated: Instant | None = None


class PlannedMove(Value):
    """One object an evacuation takes off a store."""

    object: ObjectRef
    size: Bytes
    to_store_id: Id | None = None
    """None when a good replica is elsewhere already, or nowhere is room for it."""
    possible: bool
    reason: str
