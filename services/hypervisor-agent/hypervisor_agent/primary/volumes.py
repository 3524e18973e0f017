"""What a volume file is, told from its own header."""

import struct
from pathlib import Path

from stowage_contracts.values import TREE_ALGORITHM, ImageFormat

UNKNOWN = f"{TREE_ALGORITHM}:{'0' * 64}"
"""Digest of a volume nobody copied: a guest will write to it anyway."""
_QCOW2 = b"QFI\xfb"


def describe(path: Path) -> tuple[ImageFormat, int]:
    """Format and virtual size in bytes of a volume this agent made."""
    with path.open("rb") as file:
        head = file.read(32)
    if head.startswith(_QCOW2):
        return ImageFormat.QCOW2, int(struct.unpack_from(">Q", head, 24)[0])
    return ImageFormat.RAW, path.stat().st_size
