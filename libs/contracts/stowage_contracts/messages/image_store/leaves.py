"""Leaf digests of stored objects: kept by the agent that read them all, asked for by others.

A list of leaves proves itself: its sha256 is the object's tree digest.
"""

from typing import Annotated

from pydantic import Base64Bytes, Field

from stowage_contracts.messages.image_store.words import Reply, Request
from stowage_contracts.values import Digest, Id, Secret

LEAVES_A_MESSAGE = 2048
"""64 KiB of digests: of 8 GiB of an image."""
Leaves = Annotated[Base64Bytes, Field(max_length=LEAVES_A_MESSAGE * 32 * 2)]
"""sha256 digests of consecutive 4 MiB leaves, 32 bytes each, packed by zlib."""


class KeepLeaves(Request, subject="hop/{hop_id}"):
    """An agent that moved or read every byte hands over some of the leaves; idempotent."""

    hop_id: Id
    digest: Digest
    first: int
    """Index of the first leaf in ``leaves``."""
    leaves: Leaves
    last: bool
    """These are the last ones: all of them together must have ``digest``."""
    ticket: Secret
    """The HopTicket it moves them under."""


class LeavesKept(Reply, subject="hop/{hop_id}"):
    """They are."""

    hop_id: Id


class GetLeaves(Request, subject="hop/{hop_id}"):
    """The leaves of a digest from ``first`` on, as many as fit one message."""

    hop_id: Id
    digest: Digest
    first: int = 0
    ticket: Secret


class LeavesGot(Reply, subject="hop/{hop_id}"):
    """Some of them; ``count`` is of all."""

    hop_id: Id
    first: int
    leaves: Leaves
    count: int
