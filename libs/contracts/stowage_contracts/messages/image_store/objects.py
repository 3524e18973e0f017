"""Templates, ISOs, volumes and snapshots as objects on stores."""

from stowage_contracts.message import Message
from stowage_contracts.messages.image_store.words import Command, StateEvent
from stowage_contracts.values import (
    Bytes,
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Name,
    ObjectKind,
    ObjectRef,
    Scope,
)
from stowage_contracts.views import SnapshotView, TemplateView, VolumeView


class Register(Command):
    """Make an object on image stores from a URL, or from what its owner will upload."""

    account_id: Id
    name: Name
    sealed_url: str = ""
    """Where the bytes are, sealed for image-store (a URL may carry credentials): http(s) is
    fetched; ``s3://`` and ``swift://`` name an object on a known store. Empty for an upload."""
    format: ImageFormat
    scope: Scope
    checksum: Digest | None = None
    size: Bytes | None = None
    """Length of an upload, where it is known."""
    store_ids: tuple[Id, ...] = ()
    """Stores that must each get a replica; otherwise placement decides."""
    min_copies: int = 1
    max_copies: int | None = None
    tags: tuple[Name, ...] = ()
    in_place: bool = False
    """Leave an object of a known store where it is instead of copying it on its server."""
    admin: bool = False
    """Asked by an operator: may name any object of a known store."""
    copy_id: Id


class RegisterTemplate(Register, subject="template/{template_id}"):
    """A template or ISO."""

    template_id: Id
    hypervisor: HypervisorKind

    @property
    def object(self) -> ObjectRef:
        """What is registered."""
        iso = self.format is ImageFormat.ISO
        return ObjectRef(kind=ObjectKind.ISO if iso else ObjectKind.TEMPLATE, id=self.template_id)


class RegisterVolume(Register, subject="volume/{volume_id}"):
    """A volume kept on image stores (CloudStack's uploadVolume)."""

    volume_id: Id

    @property
    def object(self) -> ObjectRef:
        """What is registered."""
        return ObjectRef(kind=ObjectKind.VOLUME, id=self.volume_id)


class RegisterSnapshot(Register, subject="snapshot/{snapshot_id}"):
    """A snapshot kept on image stores; one with a parent is readable only together with it."""

    snapshot_id: Id
    volume_id: Id | None = None
    parent_id: Id | None = None

    @property
    def object(self) -> ObjectRef:
        """What is registered."""
        return ObjectRef(kind=ObjectKind.SNAPSHOT, id=self.snapshot_id)


class MakeTemplate(Command, subject="template/{template_id}"):
    """A template of a volume or full snapshot that image stores hold; its bytes are copied."""

    template_id: Id
    account_id: Id
    name: Name
    format: ImageFormat
    """That of the source."""
    hypervisor: HypervisorKind
    scope: Scope
    source: ObjectRef
    copy_id: Id


class DeleteTemplate(Command, subject="template/{template_id}"):
    """Hide a template or ISO at once and delete its replicas."""

    template_id: Id

    @property
    def object(self) -> ObjectRef:
        """What is deleted."""
        return ObjectRef(kind=ObjectKind.TEMPLATE, id=self.template_id)


class DeleteVolume(Command, subject="volume/{volume_id}"):
    """Hide a volume at once and delete its replicas on image stores."""

    volume_id: Id

    @property
    def object(self) -> ObjectRef:
        """What is deleted."""
        return ObjectRef(kind=ObjectKind.VOLUME, id=self.volume_id)


class DeleteSnapshot(Command, subject="snapshot/{snapshot_id}"):
    """Hide a snapshot at once; its bytes go when no living snapshot stands on it."""

    snapshot_id: Id

    @property
    def object(self) -> ObjectRef:
        """What is deleted."""
        return ObjectRef(kind=ObjectKind.SNAPSHOT, id=self.snapshot_id)


class ChangeObject(Command, subject="{object.noun}/{object.id}"):
    """Change what is wished for an object; None leaves a thing alone."""

    object: ObjectRef
    name: Name | None = None
    tags: tuple[Name, ...] | None = None
    min_copies: int | None = None
    max_copies: int | None = None


class CopyToZone(Command, subject="{object.noun}/{object.id}"):
    """Have a perZone object in one more zone; a regionWide one is there already."""

    object: ObjectRef
    zone_id: Id


class LeaveZone(Command, subject="{object.noun}/{object.id}"):
    """Have a perZone object in one zone less; refused for its last zone, and while no other zone
    has a good replica."""

    object: ObjectRef
    zone_id: Id


class DeleteReplica(Command, subject="{object.noun}/{object.id}"):
    """Delete an object from one store; refused for its last good replica."""

    object: ObjectRef
    store_id: Id


class VerifyReplica(Command, subject="{object.noun}/{object.id}"):
    """Read every byte of a replica again and compare."""

    object: ObjectRef
    store_id: Id


class FinishUpload(Command, subject="{object.noun}/{object.id}"):
    """Everything was sent: commit it, verify it and send it through the gate."""

    object: ObjectRef
    size: Bytes
    """Length of what was sent."""


class TemplateChanged(StateEvent, subject="template/{state.id}"):
    """A template was registered, gained, lost or changed a replica, or was deleted."""

    state: TemplateView


class VolumeChanged(StateEvent, subject="volume/{state.id}"):
    """As TemplateChanged, of a volume."""

    state: VolumeView


class SnapshotChanged(StateEvent, subject="snapshot/{state.id}"):
    """As TemplateChanged, of a snapshot."""

    state: SnapshotView


CHANGED: dict[ObjectKind, type[Message]] = {
    ObjectKind.TEMPLATE: TemplateChanged,
    ObjectKind.ISO: TemplateChanged,
    ObjectKind.VOLUME: VolumeChanged,
    ObjectKind.SNAPSHOT: SnapshotChanged,
}
"""The event that carries an object's state, by kind."""
