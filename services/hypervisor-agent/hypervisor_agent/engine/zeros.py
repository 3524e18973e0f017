"""Zeros found by memory compare."""

from collections.abc import Iterator

from stowage_contracts.values import TREE_LEAF

GRAIN = 256 * 1024
"""Shortest run of zeros that is left out of a file."""
ZEROS = bytearray(TREE_LEAF)
"""Never written to. A bytearray, because comparing one with a memoryview is a memcmp."""


def all_zero(view: memoryview) -> bool:
    """Whether every byte is zero; stops at the first that isn't."""
    step = len(ZEROS)
    pieces = (view[at : at + step] for at in range(0, len(view), step))
    return all(_equal_zeros(piece) for piece in pieces)


def data_runs(view: memoryview, grain: int = GRAIN) -> Iterator[tuple[int, int]]:
    """(start, end) of what lies between runs of zeros, by whole grains."""
    start = -1
    for at in range(0, len(view), grain):
        zero = _equal_zeros(view[at : at + grain])
        if zero and start >= 0:
            yield start, at
            start = -1
        elif not zero and start < 0:
            start = at
    if start >= 0:
        yield start, len(view)


def _equal_zeros(piece: memoryview) -> bool:
    zeros = _KNOWN.get(len(piece))
    return (bytearray(len(piece)) if zeros is None else zeros) == piece


_KNOWN = {size: bytearray(size) for size in (64 * 1024, GRAIN)} | {TREE_LEAF: ZEROS}
