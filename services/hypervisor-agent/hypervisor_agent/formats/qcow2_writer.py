"""A qcow2 written while its content arrives, hashed once for both.

Each leaf of the disk with data goes whole into a slot that begins at a multiple of the leaf in
the file. So the leaf digests of the content are those of the file, and only the tables, written
last, are hashed beside them.
"""

from collections.abc import AsyncIterator, Iterable, Iterator

from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins import GrowingWriter
from stowage_contracts.values import TREE_LEAF, Digest, Range

from hypervisor_agent.engine.digest import TreeDigest, leaves
from hypervisor_agent.engine.stream_loop import Promises
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import ZEROS
from hypervisor_agent.formats import qcow2_metadata
from hypervisor_agent.formats.qcow2_metadata import slot_offset
from hypervisor_agent.formats.qcow2_slots import CLUSTER, DIGEST, Slots, used_clusters

SECTOR = 512
Run = tuple[int, int, int]
"""Place in the file; start and end in a buffer."""


class Qcow2Writer:
    """Takes the bytes of a disk; begun anew at every attempt, for its layout is not repeatable."""

    sparse = True

    def __init__(self, file: GrowingWriter, promises: Promises, threads: Threads) -> None:
        self.file, self._promises, self._threads = file, promises, threads
        self.part_size = file.part_size
        if self.part_size % TREE_LEAF:
            raise InvalidInput("its parts are no whole leaves", code="part_size")
        self._slots, self._size, self._end = Slots(), 0, 0
        self._tree = TreeDigest()
        self.digest: Digest = ""
        """Tree digest of the file, once it is finished."""

    @property
    def sent(self) -> int:
        """Bytes stored."""
        return self.file.sent

    @property
    def length(self) -> int:
        """Bytes of the file so far."""
        return self._end or slot_offset(len(self._slots))

    def heard(self) -> "HeardTree":
        """The tree digest of the content, which tells this file its leaves."""
        return HeardTree(self._slots)

    async def journal(self) -> tuple[Range, ...]:
        """Nothing is ever kept of an earlier attempt."""
        return ()

    async def recall(self, offset: int, buffer: memoryview) -> bool:
        """Content of the disk."""
        for leaf, within, view in _by_leaf(offset, buffer):
            slot = self._slots.slot(leaf)
            if slot < 0:
                view[:] = memoryview(ZEROS)[: len(view)]
            else:
                await self.file.recall(slot_offset(slot) + within, view)
        return True

    async def holds(self, offset: int, buffer: memoryview) -> bool:
        """Never asked: nothing is journaled."""
        return False

    async def write(self, offset: int, buffer: memoryview) -> None:
        """Store the leaves that have data, neighbours together."""
        self._size = max(self._size, offset + len(buffer))
        runs = [run async for run in self._runs(offset, buffer)]
        await self._promises.reach(self.length)
        for place, start, end in _merged(runs):
            await self.file.write(place, buffer[start:end])

    async def _runs(self, offset: int, buffer: memoryview) -> AsyncIterator[Run]:
        for leaf, _, view in _by_leaf(offset, buffer):
            if used := used_clusters(view):
                place, at = slot_offset(self._slots.take(leaf, used)), leaf * TREE_LEAF - offset
                yield place, at, at + len(view)
                if len(view) < TREE_LEAF:
                    await self._note_short(leaf, view)

    async def zero(self, extent: Range) -> None:
        """Nothing at all."""
        self._size = max(self._size, extent.end)

    def part_at(self, offset: int) -> int:
        """All parts are alike."""
        return self.part_size

    async def ends(self, size: int) -> None:
        """Zeros may be at the end."""
        self._size = size

    async def finish(self) -> str:
        """Write the tables, then the header, and sync."""
        disk = -(-self._size // SECTOR) * SECTOR
        places = qcow2_metadata.arrange(disk, self._slots)
        end = places.end * CLUSTER
        await self._promises.reach(end)
        await self.file.ends(end)
        head = bytearray(TREE_LEAF)
        head[: qcow2_metadata.HEADER_LENGTH] = qcow2_metadata.header(disk, places)
        await self._store(0, head)
        for slot in range(len(self._slots)):
            self._tree.put(slot_offset(slot), TREE_LEAF, self._slots.digest(slot))
        at = self.length
        for leaf in _joined(qcow2_metadata.tables(disk, self._slots, places)):
            await self._store(at, leaf)
            at += len(leaf)
        self.digest, self._end = self._tree.result(end), end
        return await self.file.finish()

    async def close(self, *, keep: bool = True) -> None:
        """As the file below."""
        await self.file.close(keep=keep)

    async def _store(self, offset: int, leaf: bytearray) -> None:
        with memoryview(leaf) as view:
            self._tree.put(offset, len(view), await self._threads.run(leaves, view))
            await self.file.write(offset, view)

    async def _note_short(self, leaf: int, view: memoryview) -> None:
        """The disk ends within a leaf, the file does not."""
        whole = bytearray(TREE_LEAF)
        whole[: len(view)] = view
        self._slots.note(leaf, await self._threads.run(leaves, memoryview(whole)))


class HeardTree(TreeDigest):
    """A tree digest that notes whole leaves."""

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self._slots = slots

    def put(self, offset: int, length: int, digests: bytes) -> None:
        """As a tree digest; zeros have no slots."""
        first = offset // TREE_LEAF
        for leaf in self._slots.taken(first, length // TREE_LEAF):
            at = (leaf - first) * DIGEST
            self._slots.note(leaf, digests[at : at + DIGEST])
        super().put(offset, length, digests)


def _by_leaf(offset: int, view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(leaf, place within it, bytes) of each leaf a run touches."""
    at = 0
    while at < len(view):
        leaf, within = divmod(offset + at, TREE_LEAF)
        count = min(TREE_LEAF - within, len(view) - at)
        yield leaf, within, view[at : at + count]
        at += count


def _merged(runs: Iterable[Run]) -> Iterator[Run]:
    """Neighbours in the file as one."""
    last: Run | None = None
    for place, start, end in runs:
        if last is not None and last[0] + last[2] - last[1] == place and last[2] == start:
            last = (*last[:2], end)
            continue
        if last is not None:
            yield last
        last = (place, start, end)
    if last is not None:
        yield last


def _joined(clusters: Iterable[bytes]) -> Iterator[bytearray]:
    """Whole leaves, and what is left."""
    leaf = bytearray()
    for cluster in clusters:
        leaf += cluster
        if len(leaf) == TREE_LEAF:
            yield leaf
            leaf = bytearray()
    if leaf:
        yield leaf
