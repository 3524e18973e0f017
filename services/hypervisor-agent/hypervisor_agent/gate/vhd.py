"""VHD rules: fixed or dynamic, complete in itself, and the same at both ends."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor_agent.gate.numbers import numbers
from hypervisor_agent.gate.sizes import SECTOR, check_virtual_size
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import CHUNK, Window

COOKIE = b"conectix"
FOOTER = struct.Struct(">8sIIQI4s4s4sQQHBBII16sB427s")
DYNAMIC = struct.Struct(">8sQQIIII16sII512s192s256s")
FIXED, GROWING, DIFFERENCING = 2, 3, 4
FREE = 0xFFFFFFFF
MAX_TABLE = 16 * 1024 * 1024
_LARGEST_GEOMETRY = 65535 * 16 * 255
_SIZED = (b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"wa\0\0")
"""Programs that mean the size they write; others mean the geometry, and qemu follows both."""


@dataclass(frozen=True)
class Footer:
    """Its fields that matter; sizes and offsets in bytes."""

    version: int
    header_at: int
    creator: bytes
    size: int
    cylinders: int
    heads: int
    sectors: int
    kind: int
    uuid: bytes

    @property
    def visible(self) -> int:
        """The size qemu and a guest see."""
        geometry = self.cylinders * self.heads * self.sectors
        if self.creator in _SIZED or geometry == _LARGEST_GEOMETRY:
            return self.size // SECTOR * SECTOR
        return geometry * SECTOR


@dataclass(frozen=True)
class Table:
    """Where a growing image's blocks are."""

    offset: int
    entries: int
    block: int

    @property
    def bitmap(self) -> int:
        """Bytes before each block that say which sectors were written."""
        return -(-self.block // SECTOR // 8 // SECTOR) * SECTOR


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual size in bytes."""
    tail = await window.read(max(0, window.size - SECTOR), SECTOR)
    front = _parse(head[:SECTOR]) if head.startswith(COOKIE) else None
    back = _parse(tail) if tail.startswith(COOKIE) else None
    if DIFFERENCING in {footer.kind for footer in (front, back) if footer}:
        raise Refused("parent", "it is a differencing disk, which needs its parent")
    if back is None or (front is not None and front != back):
        raise Refused("footer", "its footer is missing, or differs from the copy at its start")
    if back.kind not in (FIXED, GROWING) or (back.kind == GROWING) != (front is not None):
        raise Refused("header", f"disk type {back.kind} does not fit its layout")
    if back.visible == 0:
        raise Refused("empty", "the virtual disk has no bytes")
    size = max(back.visible, back.size)
    check_virtual_size(size, window.size, expected)
    if back.kind == GROWING:
        await _check_table(window, await _table(window, back), back)
    elif size > window.size - SECTOR:
        raise Refused("truncated", f"a fixed disk of {size} bytes, {window.size} stored")
    return back.visible


def _parse(data: bytes) -> Footer:
    if len(data) < SECTOR:
        raise Refused("truncated", f"{len(data)} bytes hold no VHD footer")
    fields = FOOTER.unpack(data)
    if fields[14] != checksum(data, 64):
        raise Refused("header", "the check sum of its footer is wrong")
    if fields[2] >> 16 != 1:
        raise Refused("header", f"VHD version {fields[2]:#x}")
    return Footer(
        version=fields[2],
        header_at=fields[3],
        creator=fields[5],
        size=fields[9],
        cylinders=fields[10],
        heads=fields[11],
        sectors=fields[12],
        kind=fields[13],
        uuid=fields[15],
    )


def checksum(data: bytes, at: int) -> int:
    """The complement of the sum of all bytes but its own four."""
    return ~(sum(data) - sum(data[at : at + 4])) & 0xFFFFFFFF


async def _table(window: Window, footer: Footer) -> Table:
    data = await window.exactly(footer.header_at, DYNAMIC.size, "dynamic header")
    cookie, _, at, version, entries, block, told, uuid, _, _, name, locators, _ = DYNAMIC.unpack(
        data
    )
    if cookie != b"cxsparse" or version >> 16 != 1 or told != checksum(data, 36):
        raise Refused("header", "its dynamic header is malformed")
    if any(uuid) or any(name) or any(locators):
        raise Refused("parent", "it names a parent disk")
    if block & (block - 1) or not 4096 <= block <= 256 * CHUNK:
        raise Refused("header", f"blocks of {block} bytes")
    return Table(at, entries, block)


async def _check_table(window: Window, table: Table, footer: Footer) -> None:
    if table.entries * 4 > MAX_TABLE or table.entries * table.block < footer.visible:
        raise Refused("table", f"a table of {table.entries} blocks of {table.block} bytes")
    taken = range(table.offset, table.offset + table.entries * 4)
    header = range(footer.header_at, footer.header_at + DYNAMIC.size)
    if min(taken.start, header.start) < SECTOR or _overlap(taken, header):
        raise Refused("table", "its headers and its table overlap")
    async for part in window.stream(table.offset, len(taken), "block table"):
        await asyncio.to_thread(_check_entries, numbers(part, 4, "big"), table, window.size)


def _check_entries(entries: Sequence[int], table: Table, stored: int) -> None:
    used = [entry for entry in entries if entry != FREE]
    if not used:
        return
    first, last = min(used) * SECTOR, max(used) * SECTOR + table.bitmap
    if first < SECTOR or last > stored - SECTOR:
        raise Refused("cluster", f"a block between {first} and {last} is out of place")


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop
