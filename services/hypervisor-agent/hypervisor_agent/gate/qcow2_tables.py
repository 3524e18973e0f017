"""Whether the tables of a qcow2 lie in the file, apart from each other, and point into it.

Every L2 table is read of disks up to 1.5 TiB in 64 KiB clusters; beyond that an even spread.
"""

import asyncio
from collections.abc import Sequence

from hypervisor_agent.gate import qcow2_l2
from hypervisor_agent.gate.numbers import numbers, spread
from hypervisor_agent.gate.qcow2_layout import OFFSET, Layout
from hypervisor_agent.gate.terms import Refused
from hypervisor_agent.gate.window import Window

MAX_L1 = 32 * 1024 * 1024
MAX_REFCOUNT_TABLE = 8 * 1024 * 1024
READ_L2 = 192 * 1024 * 1024
"""Bytes of L2 tables."""
MOST_KNOWN = 1 << 18
"""L2 tables remembered, to find one that is used twice and to be read."""
_L1_RESERVED = 0x7F00_0000_0000_01FF


async def check(window: Window, layout: Layout) -> None:
    """Refuse an image whose tables are out of place, or whose entries point out of place."""
    _check_place("L1", layout.l1, MAX_L1, layout)
    _check_place("refcount", layout.refcount_table, MAX_REFCOUNT_TABLE, layout)
    if layout.header.l1_entries < layout.l1_entries_needed:
        raise Refused("table", "the L1 table is too small for the virtual size")
    if _overlap(layout.l1, layout.refcount_table):
        raise Refused("table", "the L1 and refcount tables overlap")
    table = layout.refcount_table
    async for part in window.stream(table.start, len(table), "refcount table"):
        await asyncio.to_thread(_check_refcount_table, numbers(part, 8, "big"), layout)
    tables = await _l2_tables(window, layout)
    cluster = layout.header.cluster
    async for data in window.each(spread(tables, READ_L2 // cluster), cluster):
        await asyncio.to_thread(qcow2_l2.check, data, layout)


async def _l2_tables(window: Window, layout: Layout) -> list[int]:
    found: set[int] = set()
    async for part in window.stream(layout.l1.start, len(layout.l1), "L1 table"):
        await asyncio.to_thread(_collect, numbers(part, 8, "big"), layout, found)
    return sorted(found)


def _check_place(name: str, table: range, limit: int, layout: Layout) -> None:
    if not 0 < len(table) <= limit:
        raise Refused("table", f"a {name} table of {len(table)} bytes")
    if not layout.holds(table.start) or table.stop > layout.size:
        raise Refused("table", f"the {name} table at {table.start} is out of place")


def _check_refcount_table(blocks: Sequence[int], layout: Layout) -> None:
    for block in filter(None, blocks):
        if not layout.holds(block):
            raise Refused("table", f"refcount entry {block:#x} points out of place")


def _collect(l1: Sequence[int], layout: Layout, found: set[int]) -> None:
    for entry in filter(None, l1):
        offset = entry & OFFSET
        if entry & _L1_RESERVED or not layout.holds(offset) or not layout.is_free(offset):
            raise Refused("table", f"L1 entry {entry:#x} points out of place")
        if offset in found:
            raise Refused("table", f"two L1 entries share the L2 table at {offset}")
        if len(found) < MOST_KNOWN:
            found.add(offset)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop
