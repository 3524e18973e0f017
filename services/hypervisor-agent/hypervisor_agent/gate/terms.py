"""What is asked of the gate, and how its rules say no."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stowage_contracts.values import ImageFormat

GATE_VERSION = 2
"""Rises with every rule that can change a verdict; older verdicts are then asked for again."""


class RangedReader(Protocol):
    """Stored bytes that can be read piecewise, near or far."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    async def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``; the gate never asks past the end."""
        ...


class Option(StrEnum):
    """Honest but unusual properties that a caller may allow."""

    EXTENDED_L2 = "extended_l2"
    """qcow2 subclusters; every qemu since 5.2 reads them."""
    DIRTY = "dirty"
    """A qcow2 not closed cleanly: qemu repairs it when opened for writing, at the host's cost."""
    COMPRESSED = "compressed"
    """A whole image in gzip, bzip2, xz or zip: the verdict is about the image within."""


USUAL = frozenset({Option.EXTENDED_L2})
"""What is allowed where nobody says otherwise."""


@dataclass(frozen=True)
class Expectation:
    """What the caller was told about an image, and what it will take."""

    declared: ImageFormat
    max_virtual_size: int
    """Bytes; the limit of the account, the store or the pool, whichever is smallest."""
    allowed: frozenset[Option] = USUAL
    unpack_ratio: int = 300
    """Bytes a compressed image may become for each of its own."""


class Refused(Exception):
    """A rule says no: an answer about the image, never seen outside the gate."""

    def __init__(self, code: str, reason: str, format: ImageFormat | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.format = f"image.{code}", reason, format
