"""The metadata region of a VHDX: its items, and the geometry they describe."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor_agent.gate.sizes import SECTOR
from hypervisor_agent.gate.terms import Refused
from hypervisor_agent.gate.window import Window

TABLE_LENGTH = 64 * 1024
_ENTRY = struct.Struct("<16sIIII")
_FIRST, _MOST_ENTRIES = 32, 2047
PARAMETERS = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
SIZE = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
PAGE_83 = bytes.fromhex("ab12cabee6b2234593efc309e000c746")
LOGICAL = bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f")
PHYSICAL = bytes.fromhex("c748a3cd5d4471449cc9e9885251c556")
PARENT = bytes.fromhex("2d5fd3a80bb34d45abf7d3d84834ab0c")
_LENGTHS = {PARAMETERS: 8, SIZE: 8, PAGE_83: 16, LOGICAL: 4, PHYSICAL: 4}
_REQUIRED = 1 << 2
HAS_PARENT = 1 << 1
_CHUNK_SECTORS = 1 << 23


@dataclass(frozen=True)
class Geometry:
    """Sizes in bytes."""

    size: int
    block: int
    sector: int

    @property
    def ratio(self) -> int:
        """Data blocks before each entry of a sector bitmap."""
        return _CHUNK_SECTORS * self.sector // self.block

    @property
    def entries(self) -> int:
        """Entries of the block table that are in use."""
        blocks = -(-self.size // self.block)
        return blocks + (blocks - 1) // self.ratio


async def read(window: Window, region: range) -> Geometry:
    """The geometry; refuses a parent, an unknown required item and malformed ones."""
    items = await _items(window, region)
    block, flags = struct.unpack("<II", items[PARAMETERS])
    if flags & HAS_PARENT:
        raise Refused("parent", "it is a differencing disk, which needs its parent")
    size, sector = struct.unpack("<Q", items[SIZE])[0], struct.unpack("<I", items[LOGICAL])[0]
    if block & (block - 1) or not 1 << 20 <= block <= 1 << 28 or flags >> 2:
        raise Refused("header", f"blocks of {block} bytes, flags {flags:#x}")
    if sector != SECTOR:  # 4096 is honest too, but no qemu reads it
        raise Refused("feature", f"it has sectors of {sector} bytes")
    if size % SECTOR:
        raise Refused("header", f"{size} bytes are no whole number of sectors")
    return Geometry(size, block, sector)


async def _items(window: Window, region: range) -> Mapping[bytes, bytes]:
    table = await window.exactly(region.start, TABLE_LENGTH, "metadata table")
    count = struct.unpack_from("<H", table, 10)[0]
    if not table.startswith(b"metadata") or count > _MOST_ENTRIES:
        raise Refused("header", "its metadata table is malformed")
    found: dict[bytes, bytes] = {}
    for kind, at, length, flags, _ in _ENTRY.iter_unpack(
        table[_FIRST : _FIRST + count * _ENTRY.size]
    ):
        if kind == PARENT:
            raise Refused("parent", "it has a parent locator")
        if kind not in _LENGTHS and flags & _REQUIRED:
            raise Refused("feature", f"unknown required metadata item {kind.hex()}")
        if kind not in _LENGTHS:
            continue
        if kind in found or length != _LENGTHS[kind] or at < TABLE_LENGTH:
            raise Refused("header", f"metadata item {kind.hex()} is malformed")
        found[kind] = await window.exactly(region.start + at, length, "metadata item")
    if not {PARAMETERS, SIZE, LOGICAL} <= set(found):
        raise Refused("header", "its metadata lacks a size")
    return found
