"""What an agent hears and says; its own words are reports and signals."""

from stowage_contracts.errors import GrantRefused, Problem
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.message import Kind, Message
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    GrantRef,
    HopMethod,
    Id,
    ImageFormat,
    Instant,
    Location,
    Range,
    Receipt,
    Secret,
    ServiceName,
    Transfer,
    Value,
    Verdict,
)
from stowage_contracts.views import CacheLoad


class _Command(Message):
    kind = Kind.COMMAND
    owner = ServiceName.HYPERVISOR_AGENT


class _Report(Message):
    kind = Kind.REPORT
    owner = ServiceName.HYPERVISOR_AGENT

    host_id: Id


class _Signal(Message):
    kind = Kind.SIGNAL
    owner = ServiceName.HYPERVISOR_AGENT

    host_id: Id


class HopTicket(Value):
    """Claims data-motion signs (Ed25519); agents and grant owners verify them."""

    hop_id: Id
    """Or the inspection's id."""
    epoch: int
    generation: int = 1
    """With the hop it names the writer: ``<hop>.<generation>``."""
    host_id: Id
    source_grant: GrantRef
    destination_grant: GrantRef
    destination_key: str
    destination_store_id: Id | None
    expires: Instant

    @property
    def writer(self) -> str:
        """Name of the temporary destination."""
        return f"{self.hop_id}.{self.generation}"

    def check(self, grant_id: str, source: str) -> None:
        """Raises GrantRefused unless ``source`` is its agent, and the grant one of its two."""
        known = {self.source_grant.id, self.destination_grant.id}
        if source != f"agent/{self.host_id}" or grant_id not in known:
            raise GrantRefused("the ticket is not for this grant and agent", code="ticket")


class LinkTicket(Value):
    """Claims image-store signs for one link through an agent's door; the agent shows it when it
    redeems the grant, so a revoked grant ends the link."""

    grant_id: Id
    host_id: Id
    object: CopyEnd
    """The stored object, and the grant's owner."""
    writes: bool = False
    """An upload; a download otherwise."""
    file_name: str = ""
    """What a download is called at its receiver."""
    size: Bytes | None = None
    """Length of an upload, where its sender told."""
    epoch: int = 1
    """Links have no lease: always the first."""
    expires: Instant

    @property
    def writer(self) -> str:
        """Name of an upload's temporary destination."""
        return f"{self.grant_id}.1"

    def check(self, grant_id: str, source: str) -> None:
        """Raises GrantRefused unless ``source`` is its agent and the grant its own."""
        if source != f"agent/{self.host_id}" or grant_id != self.grant_id:
            raise GrantRefused("the link is not for this grant and agent", code="ticket")


class PeerTicket(Value):
    """Claims data-motion signs: one agent may read what another has of a hop's bytes."""

    hop_id: Id
    """The hop whose destination is read…"""
    host_id: Id
    """…at the agent that moves or moved it…"""
    reader_id: Id
    """…by this agent only."""
    digest: Digest
    expires: Instant


class Peer(Value):
    """An agent that has, or is getting, the same bytes; asked before the origin is."""

    host_id: Id
    hop_id: Id
    url: str
    """Base URL of its door."""
    ticket: Secret
    """A signed PeerTicket."""


class ExecuteHop(_Command, subject="hop/{hop_id}"):
    """Move one hop's bytes under a lease; an offer that is not taken up expires."""

    hop_id: Id
    copy_id: Id
    host_id: Id
    epoch: int
    generation: int
    """Names the temporary destination; rises when the source changed."""
    source: CopyEnd
    destination: CopyEnd
    size: Bytes | None = None
    digest: Digest | None = None
    checksum: Digest | None = None
    max_size: Bytes | None = None
    hint: tuple[Range, ...] = ()
    """Ranges the last agent reported as journaled; the destination decides."""
    stall_seconds: float = 30.0
    method: HopMethod = HopMethod.COPY
    bytes_per_second: Bytes | None = None
    """Most it may move; None is unlimited."""
    peers: tuple[Peer, ...] = ()
    """Nearest first; only where the source's leaf digests are kept."""
    ticket: Secret
    """A signed HopTicket: ids and an expiry, no store secret."""


class CancelHop(_Command, subject="hop/{hop_id}"):
    """Stop a hop and delete what it wrote locally."""

    hop_id: Id
    host_id: Id
    epoch: int
    destination: CopyEnd


class SteerHop(_Command, subject="hop/{hop_id}"):
    """Change a hop under way; of an older epoch, or of a hop not known, nothing happens."""

    hop_id: Id
    host_id: Id
    epoch: int
    bytes_per_second: Bytes | None = None
    """Most it may move from now on; None is unlimited."""
    yields: bool = False
    """Stop at the edge of the ranges in flight, journal them and answer HopYielded."""


class InspectObject(_Command, subject="inspection/{inspection_id}"):
    """Read a stored object through the image gate; with ``read_all`` every byte of it."""

    inspection_id: Id
    host_id: Id
    object: CopyEnd
    declared: ImageFormat
    max_virtual_size: Bytes
    read_all: bool = False
    """Compute the digest of all that is stored."""
    checksum: Digest | None = None
    """With ``read_all``: a linear digest to compute as well."""
    ticket: Secret


class RemoveObject(_Command, subject="removal/{removal_id}"):
    """Delete an object from a primary pool; one that is not there counts as deleted."""

    removal_id: Id
    host_id: Id
    store_id: Id
    key: str
    expires: Instant
    """Not carried out later: what bears the name by then may be something else."""


class ListHops(_Command, subject="host/{host_id}"):
    """Tell a joining agent which hops are alive on it; it deletes other debris."""

    host_id: Id
    live: tuple[Id, ...]


class HostJoined(_Report, subject="host/{host_id}"):
    """An agent started or reconnected."""

    name: str
    location: Location
    abilities: HostAbilities
    pools: tuple[PoolView, ...] = ()
    boot_id: Id
    """New at each start of the agent: tells a restart from a reconnect."""


class HopFinished(_Report, subject="hop/{hop_id}"):
    """The destination is durable but invisible, or the hop failed."""

    hop_id: Id
    copy_id: Id
    epoch: int
    receipt: Receipt | None = None
    error: Problem | None = None


class HopYielded(_Report, subject="hop/{hop_id}"):
    """The hop stopped where its journal is, because it was asked to."""

    hop_id: Id
    copy_id: Id
    epoch: int
    journaled: tuple[Range, ...] = ()


class ObjectInspected(_Report, subject="inspection/{inspection_id}"):
    """The gate's verdict on a stored object, or why it could not be read."""

    inspection_id: Id
    verdict: Verdict | None = None
    size: Bytes | None = None
    """With ``read_all``: what was read…"""
    digest: Digest | None = None
    """…its tree digest…"""
    linear: Digest | None = None
    """…and the linear one that was asked for."""
    error: Problem | None = None


class ObjectRemoved(_Report, subject="removal/{removal_id}"):
    """An object is gone from a primary pool, or why it could not be deleted."""

    removal_id: Id
    error: Problem | None = None


class Heartbeat(_Signal, subject="host/{host_id}"):
    """The agent lives; every five seconds."""

    boot_id: Id
    pools: tuple[PoolView, ...] = ()
    running: tuple[Id, ...] = ()
    """Hops it is moving."""


class HopProgressed(_Signal, subject="hop/{hop_id}"):
    """Live figures of a hop; at most one a second, at least one in five; renews the lease."""

    hop_id: Id
    copy_id: Id
    epoch: int
    transfer: Transfer
    journaled: tuple[Range, ...] = ()
    """Merged runs the destination already holds (at most 64; a hint)."""


class CacheLoadReported(_Signal, subject="host/{host_id}"):
    """What an agent saw of the caches it used."""

    loads: tuple[CacheLoad, ...]
