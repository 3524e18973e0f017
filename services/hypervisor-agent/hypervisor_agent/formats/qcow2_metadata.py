"""The header and the tables of a qcow2 whose data lie in slots of whole leaves.

The file: a leaf that holds the header alone, the slots, the L1 table, the L2 tables, the refcount
table, the refcount blocks. Clusters that nothing refers to have the refcount 0, and are holes.
"""

import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from stowage_contracts.values import TREE_LEAF

from hypervisor_agent.formats.qcow2_entries import COPIED
from hypervisor_agent.formats.qcow2_slots import ALL, CLUSTER, CLUSTERS, Slots

MAGIC, VERSION, CLUSTER_BITS, REFCOUNT_ORDER, HEADER_LENGTH = 0x514649FB, 3, 16, 4, 104
ENTRIES = CLUSTER // 8
"""In an L2 table, or in a cluster of the L1 or refcount table."""
COUNTS = CLUSTER // 2
"""In a refcount block."""
_HEADER = struct.Struct(">IIQIIQIIQQIIQQQQII")
_ONE = b"\0\1"


@dataclass(frozen=True)
class Places:
    """Where each table begins, in clusters."""

    l1: int
    l2: int
    refcount_table: int
    refcount_blocks: int
    end: int


def header(virtual_size: int, places: Places) -> bytes:
    """The first bytes of the file."""
    fields = (
        *(MAGIC, VERSION, 0, 0, CLUSTER_BITS, virtual_size, 0),
        *(l1_entries(virtual_size), places.l1 * CLUSTER),
        *(places.refcount_table * CLUSTER, places.refcount_blocks - places.refcount_table),
        *(0, 0, 0, 0, 0, REFCOUNT_ORDER, HEADER_LENGTH),
    )
    return _HEADER.pack(*fields)


def l1_entries(virtual_size: int) -> int:
    """Tables that cover the disk."""
    return -(-virtual_size // (ENTRIES * CLUSTER))


def slot_offset(slot: int) -> int:
    """Where a slot begins in the file."""
    return (1 + slot) * TREE_LEAF


def arrange(virtual_size: int, slots: Slots) -> Places:
    """Places for all tables after the slots."""
    l1 = (1 + len(slots)) * CLUSTERS
    l2 = l1 + max(1, -(-l1_entries(virtual_size) // ENTRIES))
    table = l2 + sum(1 for _ in _tables(slots))
    blocks = count = 0
    while True:
        held = max(1, -(-blocks // ENTRIES))
        count = table + held + blocks
        if blocks * COUNTS >= count:
            return Places(l1, l2, table, table + held, count)
        blocks = -(-count // COUNTS)


def tables(virtual_size: int, slots: Slots, places: Places) -> Iterator[bytes]:
    """All of them in their order in the file, whole clusters each."""
    yield from _l1(virtual_size, slots, places)
    for _, entries in _tables(slots):
        yield _packed(entries)
    blocks = range(places.refcount_blocks, places.end)
    yield from _clusters(array("Q", (at * CLUSTER for at in blocks)))
    for first in range(0, len(blocks) * COUNTS, COUNTS):
        yield _counts(first, slots, places)


def _l1(virtual_size: int, slots: Slots, places: Places) -> Iterator[bytes]:
    found = array("Q", bytes(8 * max(1, l1_entries(virtual_size))))
    for number, (index, _) in enumerate(_tables(slots)):
        found[index] = COPIED | (places.l2 + number) * CLUSTER
    yield from _clusters(found)


def _tables(slots: Slots) -> Iterator[tuple[int, "array[int]"]]:
    """Index and entries of each L2 table that has any."""
    index, entries = -1, array("Q")
    for leaf, slot, used in slots.in_order():
        table, place = divmod(leaf * CLUSTERS, ENTRIES)
        if table != index:
            if index >= 0:
                yield index, entries
            index, entries = table, array("Q", bytes(CLUSTER))
        base = COPIED | slot_offset(slot)
        for number in range(CLUSTERS):
            if used >> number & 1:
                entries[place + number] = base + number * CLUSTER
    if index >= 0:
        yield index, entries


def _counts(first: int, slots: Slots, places: Places) -> bytes:
    """A refcount block from cluster ``first`` on."""
    parts = [_slot_counts(at, slots, places) for at in range(first, first + COUNTS, CLUSTERS)]
    return b"".join(parts)


def _slot_counts(first: int, slots: Slots, places: Places) -> bytes:
    if first == 0:
        used = 1
    elif first < places.l1:
        used = slots.used[first // CLUSTERS - 1]
    else:
        used = (1 << max(0, min(CLUSTERS, places.end - first))) - 1
    if used in (0, ALL):
        return (_ONE if used else b"\0\0") * CLUSTERS
    return b"".join(_ONE if used >> number & 1 else b"\0\0" for number in range(CLUSTERS))


def _clusters(entries: "array[int]") -> Iterator[bytes]:
    for at in range(0, max(1, len(entries)), ENTRIES):
        yield _packed(entries[at : at + ENTRIES])


def _packed(entries: "array[int]") -> bytes:
    if sys.byteorder == "little":
        entries = array("Q", entries)
        entries.byteswap()
    return entries.tobytes().ljust(CLUSTER, b"\0")
