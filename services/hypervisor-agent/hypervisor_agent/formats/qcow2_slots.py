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


def used_clusters(leaf: memoryview) -> int:
    """A bit for each cluster that is not all zeros."""
    starts = range(0, len(leaf), CLUSTER)
    return sum(
        1 << number for number, at in enumerate(starts) if not all_zero(leaf[at : at + CLUSTER])
    )


class Slots:
    """Arrays, because a full disk of 8 TiB has two million leaves."""

    def __init__(self) -> None:
        self._slot_of = array("i")
        self._leaf_of, self.used = array("Q"), array("Q")
        self._digests = bytearray()

    def __len__(self) -> int:
        return len(self._leaf_of)

    def take(self, leaf: int, used: int) -> int:
        """The slot of a leaf, a new one for its first data."""
        missing = leaf + 1 - len(self._slot_of)
        if missing > 0:
            self._slot_of.extend(array("i", (-1,)) * missing)
        slot = self._slot_of[leaf]
        if slot < 0:
            slot = self._slot_of[leaf] = len(self)
            self._leaf_of.append(leaf)
            self.used.append(used)
            self._digests += bytes(DIGEST)
        self.used[slot] = used
        return slot

    def slot(self, leaf: int) -> int:
        """Of a leaf; -1 where it has none."""
        return self._slot_of[leaf] if leaf < len(self._slot_of) else -1

    def among(self, first: int, count: int) -> int:
        """How many of ``count`` leaves from ``first`` on may have slots."""
        return max(0, min(count, len(self._slot_of) - first))

    def digest(self, slot: int) -> bytes:
        """What was noted of it."""
        return bytes(self._digests[slot * DIGEST : (slot + 1) * DIGEST])

    def note(self, leaf: int, digest: bytes) -> None:
        """The digest of a leaf that was taken; others are of no interest."""
        slot = self.slot(leaf)
        if slot >= 0:
            self._digests[slot * DIGEST : (slot + 1) * DIGEST] = digest

    def in_order(self) -> Iterator[tuple[int, int, int]]:
        """Leaf, slot, and used clusters, by leaf."""
        for leaf, slot in enumerate(self._slot_of):
            if slot >= 0:
                yield leaf, slot, self.used[slot]
