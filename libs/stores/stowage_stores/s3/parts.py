"""Sizes, counts and completeness of the parts of an object."""

from collections.abc import Sequence

from stowage_contracts.errors import Conflict
from stowage_contracts.grants import PartDone
from stowage_contracts.values import TREE_LEAF

MOST_PARTS = 9000
"""Below S3's own 10,000, so that a size told too small still fits."""


def part_size(size: int | None, smallest: int) -> int:
    """Bytes per part: a multiple of the tree's leaf, the same for the same size."""
    needed = -(-(size or 0) // MOST_PARTS)
    return max(smallest, -(-needed // TREE_LEAF) * TREE_LEAF)


def part_count(size: int | None, each: int) -> int:
    """How many parts an object of ``size`` has; the most there may be while it is unknown."""
    return MOST_PARTS if size is None else -(-size // each)


def check_complete(parts: Sequence[PartDone], size: int, key: str) -> None:
    """Raises Conflict unless ``parts`` are numbered without a gap and sum up to ``size``."""
    missing = sorted(set(range(1, len(parts) + 1)) - {part.number for part in parts})
    if missing:
        raise Conflict(f"part {missing[0]} is missing", resource=key, code="parts")
    found = sum(part.size for part in parts)
    if found != size:
        raise Conflict(
            f"{found} bytes are there, the receipt says {size}",
            resource=key,
            code="size",
            found=found,
            expected=size,
        )
