"""Tree and linear digests, fed part by part while other parts are still moving."""

import asyncio
import hashlib

from stowage_contracts.values import TREE_ALGORITHM, TREE_LEAF, Digest

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import ZEROS, all_zero

ZERO_LEAF = hashlib.sha256(ZEROS).digest()
MOST_KEPT = 1 << 16
"""Leaves kept for whoever checks ranges later: 2 MiB, of 256 GiB."""


def leaves(view: memoryview) -> bytes:
    """sha256 of each 4 MiB of ``view``, one after another (releases the GIL while hashing)."""
    pieces = (view[at : at + TREE_LEAF] for at in range(0, len(view), TREE_LEAF))
    return b"".join(_leaf(piece) for piece in pieces)


def _leaf(piece: memoryview) -> bytes:
    if len(piece) == TREE_LEAF and all_zero(piece):
        return ZERO_LEAF
    return hashlib.sha256(piece).digest()


def zero_leaves(length: int) -> bytes:
    """``leaves`` of so many zeros, without hashing whole leaves again."""
    whole, rest = divmod(length, TREE_LEAF)
    return ZERO_LEAF * whole + (hashlib.sha256(bytes(rest)).digest() if rest else b"")


class TreeDigest:
    """sha256 over leaf digests; parts may come in any order. Keeps the leaves, if not too many."""

    def __init__(self) -> None:
        self._outer = hashlib.sha256()
        self._at = 0
        self._early: dict[int, tuple[int, bytes]] = {}
        self._kept = bytearray()
        self._too_many = False

    def put(self, offset: int, length: int, digests: bytes) -> None:
        """Leaf digests of ``length`` bytes at ``offset``, which is a multiple of the leaf."""
        self._early[offset] = (length, digests)
        while (item := self._early.pop(self._at, None)) is not None:
            self._outer.update(item[1])
            self._at += item[0]
            self._keep(item[1])

    @property
    def leaves(self) -> bytes:
        """All leaf digests in order, 32 bytes each; empty when there were too many to keep."""
        return bytes(self._kept)

    def result(self, size: int) -> str:
        """The digest; raises ValueError unless every byte up to ``size`` was put."""
        if self._at != size:
            raise ValueError(f"leaves reach to {self._at} of {size}")
        return f"{TREE_ALGORITHM}:{self._outer.hexdigest()}"

    def _keep(self, digests: bytes) -> None:
        if self._too_many or len(self._kept) + len(digests) > MOST_KEPT * len(ZERO_LEAF):
            self._too_many = True
            self._kept.clear()
        else:
            self._kept += digests


def is_tree(declared: str) -> bool:
    """Whether a declared digest is over leaves, so not over the bytes in order."""
    return declared.startswith(f"{TREE_ALGORITHM}:")


class LinearDigest:
    """A declared digest over the bytes in order, in a thread of its own that goes from one piece
    to the next; whoever comes early waits for its turn."""

    def __init__(self, declared: str) -> None:
        self._algorithm = declared.partition(":")[0]
        self._hash = hashlib.new(self._algorithm, usedforsecurity=False)
        self._thread = Threads(1, "linear")
        self._at = 0
        self._early: dict[int, asyncio.Future[None]] = {}

    async def put(self, offset: int, view: memoryview) -> None:
        """Bytes at ``offset``; returns once they are hashed."""
        await self._turn(offset, len(view))
        await self._thread.run(self._hash.update, view)

    async def put_zeros(self, offset: int, length: int) -> None:
        """So many zeros at ``offset``."""
        await self._turn(offset, length)
        await self._thread.run(self._update_zeros, length)

    def result(self) -> str:
        """``<algorithm>:<hex>`` of everything put."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def close(self) -> None:
        """Let the thread end."""
        self._thread.close()

    async def _turn(self, offset: int, length: int) -> None:
        """Whoever is next wakes after this piece was handed to the thread, and queues behind it."""
        if offset != self._at:
            self._early[offset] = asyncio.get_running_loop().create_future()
            await self._early[offset]
        self._at += length
        following = self._early.pop(self._at, None)
        if following is not None and not following.done():
            following.set_result(None)

    def _update_zeros(self, length: int) -> None:
        with memoryview(ZEROS) as zeros:
            for at in range(0, length, len(ZEROS)):
                self._hash.update(zeros[: min(len(ZEROS), length - at)])


class StreamDigest:
    """A declared digest, linear or tree, of bytes that come in order in pieces of any size."""

    def __init__(self, declared: Digest) -> None:
        self._algorithm = declared.partition(":")[0]
        self._tree = TreeDigest() if is_tree(declared) else None
        if self._tree is None:
            self._hash = hashlib.new(self._algorithm, usedforsecurity=False)
        self._held = bytearray()
        self._at = 0

    def update(self, data: bytes) -> None:
        """The next bytes."""
        if self._tree is None:
            self._hash.update(data)
            return
        self._held += data
        while len(self._held) >= TREE_LEAF:
            self._leaf(TREE_LEAF)

    def result(self) -> Digest:
        """``<algorithm>:<hex>`` of everything given."""
        if self._tree is None:
            return f"{self._algorithm}:{self._hash.hexdigest()}"
        if self._held:
            self._leaf(len(self._held))
        return self._tree.result(self._at)

    def _leaf(self, length: int) -> None:
        assert self._tree is not None
        self._tree.put(self._at, length, leaves(memoryview(bytes(self._held[:length]))))
        del self._held[:length]
        self._at += length
