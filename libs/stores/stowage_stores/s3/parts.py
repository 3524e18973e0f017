"""Sizes and counts of the parts of an object."""

from stowage_contracts.parts import count_of_parts, offset_of_part
from stowage_contracts.values import TREE_LEAF

LIMIT = 10_000
MOST_PARTS = 9000
"""Below S3's own limit, so that a size told too small still fits."""
_GROWTH_STEP = 50


def part_size(size: int | None, smallest: int) -> int:
    """Bytes per part: a multiple of the tree's leaf, the same for the same size."""
    needed = -(-(size or 0) // MOST_PARTS)
    return max(smallest, -(-needed // TREE_LEAF) * TREE_LEAF)


def part_growth(size: int | None, smallest: int, largest: int) -> int:
    """After how many parts they double; 0 while a known size or 10,000 parts alike suffice.

    Doubling as late as 10,000 parts still hold ``largest`` bytes keeps parts small for longest.
    """
    if size is not None or smallest * LIMIT >= largest:
        return 0
    return next(
        growth
        for growth in range(LIMIT, 0, -_GROWTH_STEP)
        if offset_of_part(LIMIT + 1, smallest, growth) >= largest
    )


def part_count(size: int | None, each: int) -> int:
    """How many parts an object of ``size`` has; the most there may be while it is unknown."""
    return LIMIT if size is None else count_of_parts(size, each)
