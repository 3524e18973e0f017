"""VDI rules: dynamic or fixed, of no parent, every block in the file."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor_agent.gate.numbers import numbers
from hypervisor_agent.gate.sizes import SECTOR, check_virtual_size, whole_sectors
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import Window

BLOCK = 1024 * 1024
HEADER = struct.Struct("<64sIIIII256sIIIIIIIQIIII16s16s16s16s")
GROWING, FIXED, UNDO, DIFFERENCING = 1, 2, 3, 4
FREE, ZERO = 0xFFFFFFFF, 0xFFFFFFFE
MAX_MAP = 64 * 1024 * 1024


@dataclass(frozen=True)
class Header:
    """Its fields that matter; sizes and offsets in bytes."""

    version: int
    length: int
    kind: int
    map_at: int
    data_at: int
    sector: int
    size: int
    block: int
    blocks: int
    linked: bool


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual size in bytes."""
    header = _parse(head)
    if header.kind in (UNDO, DIFFERENCING) or header.linked:
        raise Refused("parent", "it needs another disk under it")
    if header.version >> 16 != 1 or header.kind not in (GROWING, FIXED):
        raise Refused("version", f"VDI version {header.version:#x}, type {header.kind}")
    if (header.sector, header.block) != (SECTOR, BLOCK) or header.length < 384:
        raise Refused("header", f"sectors of {header.sector}, blocks of {header.block} bytes")
    size = check_virtual_size(whole_sectors(header.size), window.size, expected)
    await _check_map(window, header)
    return size


def _parse(head: bytes) -> Header:
    if len(head) < HEADER.size:
        raise Refused("truncated", f"{len(head)} bytes hold no VDI header")
    fields = HEADER.unpack_from(head)
    return Header(
        version=fields[2],
        length=fields[3],
        kind=fields[4],
        map_at=fields[7],
        data_at=fields[8],
        sector=fields[12],
        size=fields[14],
        block=fields[15],
        blocks=fields[17],
        linked=any(fields[21]) or any(fields[22]),
    )


async def _check_map(window: Window, header: Header) -> None:
    length = header.blocks * 4
    if length > MAX_MAP or header.blocks * BLOCK < header.size:
        raise Refused("table", f"a map of {header.blocks} blocks")
    misplaced = header.map_at % SECTOR or header.data_at % SECTOR or header.map_at < SECTOR
    if misplaced or header.data_at < header.map_at + length:
        raise Refused("table", f"a map at {header.map_at}, data at {header.data_at}")
    async for part in window.stream(header.map_at, length, "block map"):
        await asyncio.to_thread(_check_blocks, numbers(part, 4, "little"), header, window.size)


def _check_blocks(entries: Sequence[int], header: Header, stored: int) -> None:
    last = max((entry for entry in entries if entry < ZERO), default=None)
    if last is not None and (last >= header.blocks or header.data_at + last * BLOCK >= stored):
        raise Refused("cluster", f"block {last} is out of place")
