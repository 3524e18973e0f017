"""Which leaves of a virtual disk have data, and in which slot of the file each lies."""

from array import array
from collections.abc import Iterator

from stowage_contracts.values import TREE_LEAF

from hypervisor_agent.engine.zeros import all_zero

CLUSTER = 1 << 16
CLUSTERS = TREE_LEAF // CLUSTER
"""In a slot."""
ALL = (1 << CLUSTERS) - 1
DIGEST = 32
PIECE = 256
"""Leaves of a gibibyte."""


def used_clusters(leaf: memoryview) -> int:
    """A bit for each cluster that is not all zeros."""
    starts = range(0, len(leaf), CLUSTER)
    return sum(
        1 << number for number, at in enumerate(starts) if not all_zero(leaf[at : at + CLUSTER])
    )


class Slots:
    """Arrays, because a full disk of 8 TiB has two million leaves; in pieces, because most disks
    are far from full."""

    def __init__(self) -> None:
        self._pieces: dict[int, array[int]] = {}
        self._count, self.used = 0, array("Q")
        self._digests = bytearray()

    def __len__(self) -> int:
        return self._count

    def take(self, leaf: int, used: int) -> int:
        """The slot of a leaf, a new one for its first data."""
        index, place = divmod(leaf, PIECE)
        piece = self._pieces.setdefault(index, _empty())
        if piece[place] < 0:
            piece[place] = self._count
            self._count += 1
            self.used.append(used)
            self._digests += bytes(DIGEST)
        self.used[piece[place]] = used
        return piece[place]

    def slot(self, leaf: int) -> int:
        """Of a leaf; -1 where it has none."""
        index, place = divmod(leaf, PIECE)
        return self._pieces[index][place] if index in self._pieces else -1

    def digest(self, slot: int) -> bytes:
        """What was noted of it."""
        return bytes(self._digests[slot * DIGEST : (slot + 1) * DIGEST])

    def note(self, leaf: int, digest: bytes) -> None:
        """The digest of a leaf that was taken; others are of no interest."""
        slot = self.slot(leaf)
        if slot >= 0:
            self._digests[slot * DIGEST : (slot + 1) * DIGEST] = digest

    def taken(self, first: int, count: int) -> Iterator[int]:
        """Leaves that have slots, among ``count`` from ``first`` on."""
        for index in range(first // PIECE, -(-(first + count) // PIECE)):
            start = index * PIECE
            for place, slot in enumerate(self._pieces.get(index, ())):
                if slot >= 0 and first <= start + place < first + count:
                    yield start + place

    def in_order(self) -> Iterator[tuple[int, int, int]]:
        """Leaf, slot, and used clusters, by leaf."""
        for index in sorted(self._pieces):
            for place, slot in enumerate(self._pieces[index]):
                if slot >= 0:
                    yield index * PIECE + place, slot, self.used[slot]


def _empty() -> "array[int]":
    return array("i", (-1,)) * PIECE
