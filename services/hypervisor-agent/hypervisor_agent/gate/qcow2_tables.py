"""Whether the tables of a qcow2 lie in the file, apart from each other, and point into it.

Every L2 table is read while the budget lasts (64 tables, 4 MiB: disks up to 32 GiB in 64 KiB
clusters), beyond that an even spread of them.
"""

import asyncio
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypervisor_agent.gate.qcow2_header import Header
from hypervisor_agent.gate.sizes import SECTOR
from hypervisor_agent.gate.terms import Refused
from hypervisor_agent.gate.window import Window

MAX_L1 = 32 * 1024 * 1024
MAX_REFCOUNT_TABLE = 8 * 1024 * 1024
READ_L1, READ_REFCOUNT_TABLE, READ_L2 = 1024 * 1024, 512 * 1024, 4 * 1024 * 1024
"""Bytes; the first two from the start of a longer table."""
MAX_L2_READS = 64

_OFFSET = 0x00FF_FFFF_FFFF_FE00
_L1_RESERVED = 0x7F00_0000_0000_01FF
_L2_RESERVED = 0x3F00_0000_0000_01FE
_ZERO, _COMPRESSED = 1, 1 << 62


@dataclass(frozen=True)
class Layout:
    """Where things are in one image."""

    header: Header
    extended: bool
    """Whether L2 entries are 16 bytes long."""
    size: int
    """Of the stored file, in bytes."""

    @property
    def l1(self) -> range:
        """The bytes of the L1 table."""
        return _span(self.header.l1_offset, self.header.l1_entries * 8)

    @property
    def refcount_table(self) -> range:
        """The bytes of the refcount table."""
        length = self.header.refcount_clusters * self.header.cluster
        return _span(self.header.refcount_offset, length)

    @property
    def entry(self) -> int:
        """Bytes in an L2 entry."""
        return 16 if self.extended else 8

    @property
    def l1_entries_needed(self) -> int:
        """Entries that cover the virtual size."""
        covered = self.header.cluster * (self.header.cluster // self.entry)
        return -(-self.header.virtual_size // covered)

    def holds(self, offset: int) -> bool:
        """Whether a cluster may start there: aligned, after the header, before the end."""
        cluster = self.header.cluster
        return offset % cluster == 0 and cluster <= offset < self.size

    def is_free(self, offset: int) -> bool:
        """Whether a cluster there overlaps neither table."""
        cluster = _span(offset, self.header.cluster)
        return not (_overlap(cluster, self.l1) or _overlap(cluster, self.refcount_table))


async def check(window: Window, layout: Layout) -> None:
    """Refuse an image whose tables are out of place, or whose entries point out of place."""
    _check_place("L1", layout.l1, MAX_L1, layout)
    _check_place("refcount", layout.refcount_table, MAX_REFCOUNT_TABLE, layout)
    if layout.header.l1_entries < layout.l1_entries_needed:
        raise Refused("table", "the L1 table is too small for the virtual size")
    if _overlap(layout.l1, layout.refcount_table):
        raise Refused("table", "the L1 and refcount tables overlap")
    table = layout.refcount_table
    blocks = _numbers(await window.read(table.start, min(len(table), READ_REFCOUNT_TABLE)))
    await asyncio.to_thread(_check_refcount_table, blocks, layout)
    l1 = _numbers(await window.read(layout.l1.start, min(len(layout.l1), READ_L1)))
    tables = await asyncio.to_thread(_l2_tables, l1, layout)
    for offset in _spread(tables, layout.header.cluster):
        entries = _numbers(await window.read(offset, layout.header.cluster))
        await asyncio.to_thread(_check_l2, entries, layout)


def _check_place(name: str, table: range, limit: int, layout: Layout) -> None:
    if not 0 < len(table) <= limit:
        raise Refused("table", f"a {name} table of {len(table)} bytes")
    if not layout.holds(table.start) or table.stop > layout.size:
        raise Refused("table", f"the {name} table at {table.start} is out of place")


def _check_refcount_table(blocks: Sequence[int], layout: Layout) -> None:
    for block in filter(None, blocks):
        if not layout.holds(block):
            raise Refused("table", f"refcount entry {block:#x} points out of place")


def _l2_tables(l1: Sequence[int], layout: Layout) -> list[int]:
    tables: set[int] = set()
    for entry in filter(None, l1):
        offset = entry & _OFFSET
        if entry & _L1_RESERVED or not layout.holds(offset) or not layout.is_free(offset):
            raise Refused("table", f"L1 entry {entry:#x} points out of place")
        if offset in tables:
            raise Refused("table", f"two L1 entries share the L2 table at {offset}")
        tables.add(offset)
    return sorted(tables)


def _spread(tables: Sequence[int], cluster: int) -> Iterator[int]:
    few = min(len(tables), MAX_L2_READS, READ_L2 // cluster)
    return (tables[index * len(tables) // few] for index in range(few))


def _check_l2(entries: Sequence[int], layout: Layout) -> None:
    descriptors = entries[::2] if layout.extended else entries
    for entry in filter(None, descriptors):
        fits = _compressed_fits if entry & _COMPRESSED else _standard_fits
        if not fits(entry, layout):
            raise Refused("cluster", f"L2 entry {entry:#x} points out of place")


def _standard_fits(entry: int, layout: Layout) -> bool:
    offset, zero = entry & _OFFSET, entry & _ZERO
    if entry & _L2_RESERVED or (zero and (layout.extended or layout.header.version == 2)):
        return False
    if offset == 0:
        return bool(zero)
    return layout.holds(offset) and layout.is_free(offset)


def _compressed_fits(entry: int, layout: Layout) -> bool:
    count_bits = layout.header.cluster_bits - 8
    shift = 62 - count_bits
    start = entry & ((1 << shift) - 1)
    more = entry >> shift & ((1 << count_bits) - 1)
    end = (start // SECTOR + 1 + more) * SECTOR
    return layout.header.cluster <= start < layout.size and end <= layout.size + SECTOR


def _numbers(data: bytes) -> Sequence[int]:
    return struct.unpack(f">{len(data) // 8}Q", data[: len(data) // 8 * 8])


def _span(start: int, length: int) -> range:
    return range(start, start + length)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop
