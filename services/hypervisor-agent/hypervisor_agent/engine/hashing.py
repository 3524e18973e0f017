"""Both digests of a copy, computed in threads beside it."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from stowage_contracts.values import Digest, Range

from hypervisor_agent.engine.digest import LinearDigest, TreeDigest, is_tree, leaves, zero_leaves
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.together import together


@dataclass(frozen=True)
class Copied:
    """Digests of what was moved or read."""

    tree: Digest
    declared: Digest | None
    """Of the declared checksum's algorithm, when one was declared."""
    leaves: bytes = field(default=b"", compare=False, repr=False)
    """What the tree is made of, where that was kept."""


@runtime_checkable
class Hears(Protocol):
    """A destination that uses the leaf digests of what it is given."""

    def heard(self) -> TreeDigest:
        """The tree that is to be fed."""
        ...


class Hashing:
    """Fed with every byte once, in any order of parts."""

    def __init__(
        self, threads: Threads, checksum: Digest | None, writer: object | None = None
    ) -> None:
        self._threads = threads
        self._tree = writer.heard() if isinstance(writer, Hears) else TreeDigest()
        self._wants_tree = checksum is not None and is_tree(checksum)
        linear = None if self._wants_tree else checksum
        self._linear = LinearDigest(linear) if linear else None

    @property
    def linear(self) -> bool:
        """Whether bytes are wanted in order."""
        return self._linear is not None

    async def put(self, offset: int, view: memoryview) -> None:
        """Bytes at ``offset``, a multiple of the leaf."""
        if self._linear:
            await together(self._put_tree(offset, view), self._linear.put(offset, view))
        else:
            await self._put_tree(offset, view)

    async def put_zeros(self, extent: Range) -> None:
        """So many zeros."""
        if self._linear:
            await self._linear.put_zeros(extent.offset, extent.length)
        self._tree.put(extent.offset, extent.length, zero_leaves(extent.length))

    def result(self, size: int) -> Copied:
        """Both digests; raises ValueError unless all ``size`` bytes were put."""
        tree = self._tree.result(size)
        linear = self._linear.result() if self._linear else None
        return Copied(tree, tree if self._wants_tree else linear, self._tree.leaves)

    def close(self) -> None:
        """Nothing is put any more."""
        if self._linear:
            self._linear.close()

    async def _put_tree(self, offset: int, view: memoryview) -> None:
        self._tree.put(offset, len(view), await self._threads.run(leaves, view))
