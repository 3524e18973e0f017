"""Hops: executed under a lease, steered, cancelled, finished."""

from stowage_contracts.errors import Problem
from stowage_contracts.messages.hypervisor_agent.words import Command, Report, Signal
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    HopMethod,
    Id,
    Range,
    Receipt,
    Secret,
    Transfer,
    Value,
)


class Peer(Value):
    """An agent that has, or is getting, the same bytes; asked before the origin is."""

    host_id: Id
    hop_id: Id
    url: str
    """Base URL of its door."""
    ticket: Secret
    """A signed PeerTicket."""


class ExecuteHop(Command, subject="hop/{hop_id}"):
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


class CancelHop(Command, subject="hop/{hop_id}"):
    """Stop a hop and delete what it wrote locally."""

    hop_id: Id
    host_id: Id
    epoch: int
    destination: CopyEnd


class SteerHop(Command, subject="hop/{hop_id}"):
    """Change a hop under way; of an older epoch, or of a hop not known, nothing happens."""

    hop_id: Id
    host_id: Id
    epoch: int
    bytes_per_second: Bytes | None = None
    """Most it may move from now on; None is unlimited."""
    yields: bool = False
    """Stop at the edge of the ranges in flight, journal them and answer HopYielded."""


class HopFinished(Report, subject="hop/{hop_id}"):
    """The destination is durable but invisible, or the hop failed."""

    hop_id: Id
    copy_id: Id
    epoch: int
    receipt: Receipt | None = None
    error: Problem | None = None


class HopYielded(Report, subject="hop/{hop_id}"):
    """The hop stopped where its journal is, because it was asked to."""

    hop_id: Id
    copy_id: Id
    epoch: int
    journaled: tuple[Range, ...] = ()


class HopProgressed(Signal, subject="hop/{hop_id}"):
    """Live figures of a hop; at most one a second, at least one in five; renews the lease."""

    hop_id: Id
    copy_id: Id
    epoch: int
    transfer: Transfer
    journaled: tuple[Range, ...] = ()
    """Merged runs the destination already holds (at most 64; a hint)."""
