"""Values every message and plug-in speaks in: ids, scopes, formats, digests, ranges."""

import re
from enum import StrEnum
from typing import Annotated, Self
from uuid import uuid4

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A UUID as minted by the gateway, or a foreign id of the same alphabet; safe in names and keys."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
Bytes = Annotated[int, Field(ge=0)]
Instant = AwareDatetime
Secret = Annotated[
    SecretStr,
    PlainSerializer(lambda s: s.get_secret_value(), when_used="json"),
    WithJsonSchema({"type": "string", "format": "password"}, mode="serialization"),
]
"""Hidden in repr and logs; revealed only in JSON, which travels only in transient replies."""


def new_id() -> str:
    """A fresh random id (UUID 4)."""
    return str(uuid4())


class Value(BaseModel):
    """A frozen value; unknown fields are ignored so that yesterday's reader takes today's word."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ServiceName(StrEnum):
    """The five services; also the names of their queues."""

    API_GATEWAY = "api-gateway"
    IMAGE_STORE = "image-store"
    DATA_MOTION = "data-motion"
    CACHE_AUTOSCALER = "cache-autoscaler"
    HYPERVISOR_AGENT = "hypervisor-agent"


class HypervisorKind(StrEnum):
    """CloudStack's spelling of the hypervisors; a plain mover has none."""

    KVM = "KVM"
    XENSERVER = "XenServer"
    VMWARE = "VMware"
    NONE = "None"


class ImageFormat(StrEnum):
    """Disk image formats the gate can name; which it accepts is the gate's business."""

    RAW = "raw"
    QCOW2 = "qcow2"
    ISO = "iso"
    VHD = "vhd"
    VHDX = "vhdx"
    VMDK = "vmdk"
    VDI = "vdi"
    QED = "qed"
    LUKS = "luks"
    OVA = "ova"
    PARALLELS = "parallels"
    DMG = "dmg"


class StoreRole(StrEnum):
    """CloudStack's DataStoreRole."""

    PRIMARY = "Primary"
    IMAGE = "Image"
    IMAGE_CACHE = "ImageCache"


class StoreState(StrEnum):
    """What a data store may be asked to do."""

    ADDING = "Adding"
    UP = "Up"
    DEGRADED = "Degraded"
    READ_ONLY = "ReadOnly"
    DRAINING = "Draining"
    DISABLED = "Disabled"
    REMOVED = "Removed"

    @property
    def writable(self) -> bool:
        """Whether new objects may be placed there."""
        return self is StoreState.UP

    @property
    def readable(self) -> bool:
        """Whether objects on it may be granted for reading."""
        return self in {
            StoreState.UP,
            StoreState.READ_ONLY,
            StoreState.DRAINING,
            StoreState.DEGRADED,
        }


class HostState(StrEnum):
    """CloudStack's host status, as far as a mover needs it."""

    CREATING = "Creating"
    UP = "Up"
    DISCONNECTED = "Disconnected"
    REMOVED = "Removed"


class ObjectKind(StrEnum):
    """What a replica is a replica of."""

    TEMPLATE = "template"
    ISO = "iso"
    VOLUME = "volume"
    SNAPSHOT = "snapshot"


class ReplicaState(StrEnum):
    """CloudStack's ObjectInDataStoreStateMachine states that are reachable."""

    ALLOCATED = "Allocated"
    CREATING = "Creating"
    READY = "Ready"
    COPYING = "Copying"
    MIGRATING = "Migrating"
    DESTROYING = "Destroying"
    DESTROYED = "Destroyed"
    FAILED = "Failed"
    HIDDEN = "Hidden"


class Location(Value):
    """Where a host stands; an id may be missing above what is known."""

    zone_id: Id | None = None
    pod_id: Id | None = None
    cluster_id: Id | None = None
    host_id: Id | None = None


class ScopeType(StrEnum):
    """How far a data store reaches, widest first."""

    REGION = "region"
    ZONE = "zone"
    POD = "pod"
    CLUSTER = "cluster"
    HOST = "host"


class Scope(Value):
    """A scope and the zone, pod, cluster or host it names (none for the region)."""

    type: ScopeType
    id: Id | None = None
    zone_id: Id | None = None
    """The zone that holds a pod, cluster or host scope; equals ``id`` for a zone scope."""

    @model_validator(mode="after")
    def _id_fits_type(self) -> Self:
        if (self.type is ScopeType.REGION) != (self.id is None):
            raise ValueError("a region scope names nothing; every other scope names one id")
        return self

    @classmethod
    def region(cls) -> Self:
        """The whole region."""
        return cls(type=ScopeType.REGION)

    @classmethod
    def zone(cls, zone_id: str) -> Self:
        """One zone."""
        return cls(type=ScopeType.ZONE, id=zone_id, zone_id=zone_id)

    def covers(self, where: Location) -> bool:
        """Whether a host at ``where`` lies inside; total over every scope type."""
        if self.type is ScopeType.REGION:
            return True
        return bool(getattr(where, f"{self.type.value}_id") == self.id)


LINEAR_ALGORITHMS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
TREE_ALGORITHM = "sha256-tree-4m"
"""sha256 over the sha256 digests of consecutive 4 MiB leaves (the last may be short)."""
TREE_LEAF = 4 * 1024 * 1024
_DIGEST = re.compile(r"^([a-z0-9-]+):([0-9a-f]+)$")


def _check_digest(text: str) -> str:
    match = _DIGEST.fullmatch(text)
    lengths = {**LINEAR_ALGORITHMS, TREE_ALGORITHM: 64}
    if match is None or lengths.get(match[1]) != len(match[2]):
        raise ValueError(f"a digest is '<algorithm>:<hex>' with one of {sorted(lengths)}")
    return text


Digest = Annotated[str, AfterValidator(_check_digest)]
"""``sha256:…``, ``md5:…`` (linear, over the bytes in order) or ``sha256-tree-4m:…``."""


class ObjectRef(Value):
    """One template, ISO, volume or snapshot."""

    kind: ObjectKind
    id: Id

    @property
    def noun(self) -> str:
        """The resource it is: an ISO is a template."""
        return (ObjectKind.TEMPLATE if self.kind is ObjectKind.ISO else self.kind).value

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.id}"


class GrantRef(Value):
    """A grant by id; whoever owns it redeems it. Carries no secret."""

    id: Id
    owner: ServiceName


class Range(Value):
    """A half-open run of bytes, the journaled work unit."""

    offset: Bytes
    length: Annotated[int, Field(gt=0)]

    @property
    def end(self) -> int:
        """First byte after the range."""
        return self.offset + self.length


class Verdict(Value):
    """What the image gate said of stored bytes; kept by digest and gate version."""

    accepted: bool
    format: ImageFormat | None = None
    virtual_size: Bytes = 0
    compression: str = ""
    """``gzip``, ``bzip2``, ``xz`` or ``zip`` where the bytes as stored are a compressed image."""
    inner_size: Bytes | None = None
    """Bytes of the image within, where it was unpacked to be judged."""
    code: str = ""
    reason: str = ""
    gate_version: int


class HopMethod(StrEnum):
    """How a hop makes its destination."""

    COPY = "copy"
    """Bytes are read and written."""
    CLONE = "clone"
    """The store shares or copies the bytes itself: reflink, server-side copy."""
    BACKING = "backing"
    """A linked clone: an overlay whose backing file is the source."""
    NATIVE = "native"
    """The hypervisor moves the volume."""


class CacheUse(StrEnum):
    """How copies use cache stores."""

    NEVER = "never"
    WHEN_REQUIRED = "when-required"
    """Only where no agent can do it in one hop."""
    ALWAYS = "always"
    """Wherever a cache can lie between, also where it need not."""


class EndKind(StrEnum):
    """What stands at one end of a copy."""

    URL = "url"
    STORE = "store"


class CopyEnd(Value):
    """One end of a copy, described well enough to plan without asking anybody."""

    kind: EndKind = EndKind.STORE
    object: ObjectRef
    role: StoreRole | None = None
    provider: str = ""
    store_id: Id | None = None
    scope: Scope = Scope(type=ScopeType.REGION)
    schemes: tuple[str, ...]
    """Transport schemes a grant of this end may use, e.g. ``("https",)`` or ``("file",)``."""
    root: str = ""
    """For ``file`` grants: the directory an endpoint must be able to see."""
    server: str = ""
    """Names what its store is part of: stores of one name copy from each other by themselves."""
    key: str = ""
    """The object's name on its store; empty for a URL (which stays with its owner)."""
    format: ImageFormat
    hypervisor: HypervisorKind | None = None
    """For a primary pool: the hypervisor that must be able to use the result."""
    grant: GrantRef


class Transfer(Value):
    """Live figures of a copy or a hop; cumulative, so a lost report costs nothing."""

    bytes_done: Bytes = 0
    bytes_total: Bytes | None = None
    bytes_per_second: float = 0.0
    eta_seconds: float | None = None
    phase: str = ""


class Receipt(Value):
    """What an agent says of bytes it wrote and verified, before they are visible."""

    size: Bytes
    """Length in bytes of the destination object."""
    digest: Digest
    """Tree digest of the destination bytes."""
    linear: Digest | None = None
    """The declared checksum, when one was asked for and matched."""
    part: str = ""
    """Name of the temporary destination (file) or of the session (multipart)."""
    source_validator: str = ""
    bytes_read: Bytes = 0
    bytes_fed: Bytes = 0
    """Of these, what other agents fed."""
    bytes_sent: Bytes = 0
    """Bytes written to the destination over all attempts of this agent, zeros left out."""
    verdict: Verdict | None = None
    """Set where the gate could read the destination before its commit (files)."""
