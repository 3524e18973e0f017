"""What the entries of a qcow2's tables say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor_agent.gate.qcow2_header import Header

OFFSET = 0x00FF_FFFF_FFFF_FE00
"""The bits of an entry that are a place in the file."""
COPIED, COMPRESSED, ZERO = 1 << 63, 1 << 62, 1
SECTOR = 512


@dataclass(frozen=True)
class Piece:
    """A run of the virtual disk and where it lies in the file."""

    start: int
    """Byte of the virtual disk."""
    length: int
    place: int
    """Byte of the file; -1 for zeros."""
    packed: int = 0
    """Bytes that unpack to a cluster there; 0 where they lie as they are."""


def is_hole(entry: int) -> bool:
    """Whether a cluster reads as zeros."""
    return not entry & COMPRESSED and (entry & ZERO == ZERO or not entry & OFFSET)


def piece(entry: int, start: int, header: Header) -> Piece:
    """The whole cluster at ``start`` of the virtual disk."""
    if is_hole(entry):
        return Piece(start, header.cluster, -1)
    if not entry & COMPRESSED:
        return Piece(start, header.cluster, entry & OFFSET)
    shift = 62 - (header.cluster_bits - 8)
    place = entry & ((1 << shift) - 1)
    sectors = 1 + (entry >> shift & ((1 << (header.cluster_bits - 8)) - 1))
    return Piece(start, header.cluster, place, sectors * SECTOR - place % SECTOR)


def merged(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours on the disk that are neighbours in the file, as one."""
    last: Piece | None = None
    for item in pieces:
        if last is not None and _follows(last, item):
            last = Piece(last.start, last.length + item.length, last.place)
            continue
        if last is not None:
            yield last
        last = item
    if last is not None:
        yield last


def _follows(last: Piece, item: Piece) -> bool:
    if last.packed or item.packed:
        return False
    if last.place < 0:
        return item.place < 0
    return item.place == last.place + last.length
