"""Single objects: judged by the gate, deleted from a pool."""

from stowage_contracts.errors import Problem
from stowage_contracts.messages.hypervisor_agent.words import Command, Report
from stowage_contracts.values import (
    Bytes,
    CopyEnd,
    Digest,
    Id,
    ImageFormat,
    Instant,
    Secret,
    Verdict,
)


class InspectObject(Command, subject="inspection/{inspection_id}"):
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


class RemoveObject(Command, subject="removal/{removal_id}"):
    """Delete an object from a primary pool; one that is not there counts as deleted."""

    removal_id: Id
    host_id: Id
    store_id: Id
    key: str
    expires: Instant
    """Not carried out later: what bears the name by then may be something else."""


class ObjectInspected(Report, subject="inspection/{inspection_id}"):
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


class ObjectRemoved(Report, subject="removal/{removal_id}"):
    """An object is gone from a primary pool, or why it could not be deleted."""

    removal_id: Id
    error: Problem | None = None
