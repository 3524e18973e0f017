"""The leaf digests of a source: they prove themselves, and every range that is read."""

import hashlib
from collections.abc import Iterator

from stowage_contracts.values import TREE_ALGORITHM, TREE_LEAF, Digest

from hypervisor_agent.engine.digest import ZERO_LEAF, leaves, zero_leaves

LEAF_BYTES = 32


class LeafList:
    """Of ``size`` bytes, 4 MiB each but the last."""

    def __init__(self, digests: bytes, digest: Digest, size: int) -> None:
        """Raises ValueError unless these are the leaves of ``digest``."""
        found = f"{TREE_ALGORITHM}:{hashlib.sha256(digests).hexdigest()}"
        if found != digest or len(digests) != -(-size // TREE_LEAF) * LEAF_BYTES:
            raise ValueError("these are not the leaves of that digest")
        self._digests, self.digest, self.size = digests, digest, size
        self._zero_end = zero_leaves(size % TREE_LEAF)

    def proves(self, offset: int, view: memoryview) -> bool:
        """Whether these whole leaves are what they must be (hashes: call it in a thread)."""
        first = offset // TREE_LEAF * LEAF_BYTES
        found = leaves(view)
        return found == self._digests[first : first + len(found)]

    def next_data(self, offset: int) -> int:
        """The first byte at or after ``offset`` in a leaf that is not all zeros."""
        while offset < self.size and self._is_zero(offset // TREE_LEAF):
            offset = (offset // TREE_LEAF + 1) * TREE_LEAF
        return min(offset, self.size)

    def runs(self, offset: int, length: int) -> Iterator[tuple[int, int, bool]]:
        """Start, end and whether they are zeros, of leaves alike in a run of whole leaves."""
        start, end = offset, offset + length
        while start < end:
            zeros = self._is_zero(start // TREE_LEAF)
            at = start
            while at < end and self._is_zero(at // TREE_LEAF) is zeros:
                at += TREE_LEAF
            at = min(at, end)
            yield start, at, zeros
            start = at

    def whole(self, offset: int, length: int) -> bool:
        """Whether a range consists of whole leaves."""
        end = offset + length
        return not offset % TREE_LEAF and (not end % TREE_LEAF or end == self.size)

    def _is_zero(self, index: int) -> bool:
        digest = self._digests[index * LEAF_BYTES : (index + 1) * LEAF_BYTES]
        short = (index + 1) * TREE_LEAF > self.size
        return digest == (self._zero_end if short else ZERO_LEAF)
