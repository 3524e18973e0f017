"""Objects another cloud made: taken over where they lie, with what that cloud knew of them."""

from stowage_contracts.messages.image_store.words import Command
from stowage_contracts.values import (
    Bytes,
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Instant,
    Name,
    ObjectRef,
    ScopeType,
    Value,
)


class Place(Value):
    """Where on a store an object's bytes are said to be."""

    store_id: Id
    key: str
    """The object itself, or what its name begins with: then the one image below it is meant."""
    size: Bytes | None = None
    """Length as the other cloud recorded it; other bytes than that are refused."""


class ImportObject(Command, subject="{object.noun}/{object.id}"):
    """Take an object over in place: read whole, judged, and left where it lies.

    Said again, it adds places that are new and tries those anew that failed; nothing else.
    """

    object: ObjectRef
    account_id: Id
    name: Name
    format: ImageFormat
    scope_type: ScopeType
    zones: tuple[Id, ...] = ()
    """Of a perZone object: where it is wished for."""
    hypervisor: HypervisorKind | None = None
    """Set for templates and ISOs."""
    checksum: Digest | None = None
    """Of the bytes as they are stored."""
    template_id: Id | None = None
    volume_id: Id | None = None
    parent_id: Id | None = None
    tags: tuple[Name, ...] = ()
    created: Instant
    places: tuple[Place, ...]
