"""What image-store hears and says: zones, hosts, stores, templates, replicas, grants."""

from typing import Any

from stowage_contracts.errors import Problem
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    GrantRef,
    HypervisorKind,
    Id,
    ImageFormat,
    Location,
    Name,
    ObjectRef,
    Scope,
    Secret,
    ServiceName,
    StoreRole,
)
from stowage_contracts.views import (
    ClusterView,
    HostView,
    PodView,
    StoreView,
    TemplateView,
    ZoneView,
)


class _Command(Message):
    kind = Kind.COMMAND
    owner = ServiceName.IMAGE_STORE


class _Event(Message):
    kind = Kind.EVENT
    owner = ServiceName.IMAGE_STORE


class AddZone(_Command, subject="zone/{zone_id}"):
    """Create a zone."""

    zone_id: Id
    name: Name


class AddPod(_Command, subject="pod/{pod_id}"):
    """Create a pod in a zone."""

    pod_id: Id
    zone_id: Id
    name: Name


class AddCluster(_Command, subject="cluster/{cluster_id}"):
    """Create a cluster in a pod."""

    cluster_id: Id
    pod_id: Id
    name: Name
    hypervisor: HypervisorKind


class AddHost(_Command, subject="host/{host_id}"):
    """Announce a host whose agent will enrol with a one-time join token."""

    host_id: Id
    name: Name
    hypervisor: HypervisorKind
    cluster_id: Id | None = None
    zone_id: Id | None = None
    """For a plain mover, which stands in no cluster."""


class AddStore(_Command, subject="store/{store_id}"):
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


class ProbeStore(_Command, subject="store/{store_id}"):
    """Probe a known store again."""

    store_id: Id


class RemoveStore(_Command, subject="store/{store_id}"):
    """Remove a store; refused while it holds a replica that is nowhere else."""

    store_id: Id


class RegisterTemplate(_Command, subject="template/{template_id}"):
    """Fetch an image from a URL into an image store and verify it."""

    template_id: Id
    account_id: Id
    name: Name
    sealed_url: str
    """The URL, sealed for image-store: it may carry credentials."""
    format: ImageFormat
    hypervisor: HypervisorKind
    scope: Scope
    checksum: Digest | None = None
    store_id: Id | None = None
    """Pin one image store; otherwise placement decides."""
    copy_id: Id


class DeleteTemplate(_Command, subject="template/{template_id}"):
    """Hide a template at once and delete its replicas."""

    template_id: Id


class RequestCopy(_Command, subject="copy/{copy_id}"):
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


class _StateEvent(_Event):
    @property
    def resource(self) -> Resource | None:
        state = self.state  # type: ignore[attr-defined]
        return Resource(
            noun=self.subject_form.partition("/")[0],
            id=state.id,
            state=state.model_dump(mode="json"),
            removed=type(self).__name__.endswith(("Removed", "Rejected")),
        )


class ZoneAdded(_StateEvent, subject="zone/{state.id}"):
    """A zone exists."""

    state: ZoneView


class PodAdded(_StateEvent, subject="pod/{state.id}"):
    """A pod exists."""

    state: PodView


class ClusterAdded(_StateEvent, subject="cluster/{state.id}"):
    """A cluster exists."""

    state: ClusterView


class HostChanged(_StateEvent, subject="host/{state.id}"):
    """A host was added, came up, changed or went away."""

    state: HostView


class StoreAdded(_StateEvent, subject="store/{state.id}"):
    """A store passed its probe (or a pool was reported) and may be used."""

    state: StoreView


class StoreChanged(_StateEvent, subject="store/{state.id}"):
    """A store's capacity or state changed."""

    state: StoreView


class StoreDegraded(_StateEvent, subject="store/{state.id}"):
    """A store failed a probe after it was added."""

    state: StoreView


class StoreRejected(_StateEvent, subject="store/{state.id}"):
    """A store failed its first probe; nothing of it is kept by its owner."""

    state: StoreView


class StoreRemoved(_StateEvent, subject="store/{state.id}"):
    """A store is gone."""

    state: StoreView


class TemplateChanged(_StateEvent, subject="template/{state.id}"):
    """A template was registered, gained, lost or changed a replica, or was deleted."""

    state: TemplateView


class ReplicaReady(_Event, subject="template/{object.id}"):
    """The bytes of an object are on a store, verified and judged."""

    object: ObjectRef
    store_id: Id
    size: Bytes
    digest: Digest
    copy_id: Id | None = None


class ReplicaFailed(_Event, subject="template/{object.id}"):
    """A replica could not be made."""

    object: ObjectRef
    store_id: Id | None = None
    """None when no store could be chosen."""
    copy_id: Id | None = None
    error: Problem


class CapacityWarning(_Event, subject="store/{store_id}"):
    """A store crossed its high-water mark; said once per crossing."""

    store_id: Id
    used_bytes: Bytes
    total_bytes: Bytes


class CopyRequested(_Event, subject="copy/{copy_id}"):
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


class RedeemGrant(Message, subject="grant/{grant_id}"):
    """An agent exchanges a signed ticket for the grant's secret; also renews it.

    Asked of the grant's owner: image-store or cache-autoscaler.
    """

    kind = Kind.REQUEST
    owner = ServiceName.IMAGE_STORE

    grant_id: Id
    ticket: Secret
    first_part: int = 1
    """For multipart writes: the first part number wanted…"""
    part_count: int = 0
    """…and how many; 0 asks for the session and its journal only."""
    size: Bytes | None = None
    """For writes: the length, once the source told it."""


class GrantRedeemed(Message, subject="grant/{grant_id}"):
    """The grant itself; transient, never logged or stored."""

    kind = Kind.REPLY
    owner = ServiceName.IMAGE_STORE

    grant_id: Id
    grant: Grant
    digest: Digest | None = None
    """Tree digest the stored object has, where known."""
    rules: FetchRules | None = None
    """Set for user-given URLs: open them through the guarded fetcher only."""


class ReleaseGrants(_Command, subject="grant/{grant.id}"):
    """A hop ended without commit: revoke its grant, abort what it wrote."""

    grant: GrantRef
    epoch: int
