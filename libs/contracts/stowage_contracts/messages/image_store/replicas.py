"""Replicas made, damaged and asked for."""

from typing import Annotated

from pydantic import Field

from stowage_contracts.errors import Problem
from stowage_contracts.messages.image_store.words import Command, Event
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    HopMethod,
    Id,
    ImageFormat,
    Location,
    ObjectRef,
    Scope,
)


class RequestCopy(Command, subject="copy/{copy_id}"):
    """Put a template on a primary pool, as the pool's copy of it or as a new volume."""

    copy_id: Id
    account_id: Id
    template_id: Id
    store_id: Id
    """The destination data store."""
    volume_id: Id | None = None
    """Set to create a volume; otherwise the pool gets its replica of the template."""
    format: ImageFormat | None = None
    """Format wanted there; the template's own when missing."""
    priority: int = 0


class MoveVolume(Command, subject="copy/{copy_id}"):
    """Move a volume between a primary pool and another store; where it was it is deleted once the
    new replica is Ready."""

    copy_id: Id
    account_id: Id
    """Whose the volume is."""
    volume_id: Id
    store_id: Id
    """Where it is to be."""
    priority: int = 0


class PrefetchObject(Command, subject="copy/{copy_id}"):
    """Bring an object onto a cache store of a scope before anybody asks (CloudStack's
    prepareTemplate), and keep it there for a while."""

    copy_id: Id
    account_id: Id
    object: ObjectRef
    scope: Scope
    hold_seconds: Annotated[float, Field(ge=0)] = 3600
    priority: int = 0


class ReplicaReady(Event, subject="{object.noun}/{object.id}"):
    """The bytes of an object are on a store, verified and judged."""

    object: ObjectRef
    store_id: Id
    size: Bytes
    digest: Digest
    copy_id: Id | None = None


class ReplicaFailed(Event, subject="{object.noun}/{object.id}"):
    """A replica could not be made."""

    object: ObjectRef
    store_id: Id | None = None
    """None when no store could be chosen."""
    copy_id: Id | None = None
    error: Problem


class ReplicaDamaged(Event, subject="{object.noun}/{object.id}"):
    """A replica that was Ready is missing or no longer what it was; it is mended from a sibling."""

    object: ObjectRef
    store_id: Id
    error: Problem


class CopyRequested(Event, subject="copy/{copy_id}"):
    """Somebody wants bytes moved; both ends are described, nobody need be asked to plan."""

    copy_id: Id
    account_id: Id
    source: CopyEnd
    destination: CopyEnd
    size: Bytes | None = None
    """Length of the source in bytes; None until the source was opened."""
    digest: Digest | None = None
    """Tree digest the source must have."""
    checksum: Digest | None = None
    """Linear digest declared by the user."""
    max_size: Bytes | None = None
    priority: int = 0
    """Higher goes first: VM start 10, ordinary 0, backup -10."""
    location: Location = Location()
    """Where the asker wants it; narrows endpoints and caches."""
    present: bool = False
    """The destination is already Ready: nothing to move."""
    leaves: bool = False
    """The source's leaf digests are kept: other agents may feed its copies (GetLeaves)."""
    moves: bool = False
    """The source is deleted once the destination was committed."""
    method: HopMethod = HopMethod.COPY
    """How a template is installed on a pool, as its TemplateInstallStrategy chose."""
    hold_seconds: float = 0
    """A prefetch: the destination is whichever cache store of the destination's scope is chosen,
    and the entry is held so long."""
