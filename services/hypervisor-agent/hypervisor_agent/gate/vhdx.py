"""VHDX rules: both copies of what is kept twice agree, no parent, no log to replay."""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypervisor_agent.gate import vhdx_metadata
from hypervisor_agent.gate.crc32c import crc32c
from hypervisor_agent.gate.numbers import numbers
from hypervisor_agent.gate.sizes import check_virtual_size
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.vhdx_metadata import Geometry
from hypervisor_agent.gate.window import Window

KIB, MIB = 1024, 1024 * 1024
HEADERS, HEADER_LENGTH = (64 * KIB, 128 * KIB), 4 * KIB
REGIONS, REGION_LENGTH = (192 * KIB, 256 * KIB), 64 * KIB
_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGION = struct.Struct("<16sQII")
BAT = bytes.fromhex("6677c22d23f600429d64115e9bfd4a08")
METADATA = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
MAX_BAT = 64 * MIB
_MOST_ENTRIES = 2047
NOT_PRESENT, PRESENT, PARTIAL = (0, 1, 2, 3), 6, 7
_RESERVED = 0xFFFF8


@dataclass(frozen=True)
class Layout:
    """What a table entry is checked against."""

    geometry: Geometry
    stored: int


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual size in bytes."""
    await _check_headers(window)
    regions = await _regions(window)
    if set(regions) != {BAT, METADATA}:
        raise Refused("header", "its region table lacks a region, or has an unknown one")
    geometry = await vhdx_metadata.read(window, regions[METADATA])
    size = check_virtual_size(geometry.size, window.size, expected)
    await _check_bat(window, regions[BAT], geometry)
    return size


async def _check_headers(window: Window) -> None:
    copies = [await window.exactly(at, HEADER_LENGTH, "header") for at in HEADERS]
    sound = [copy for copy in copies if await asyncio.to_thread(_sealed, copy, b"head")]
    if not sound:
        raise Refused("header", "neither of its headers is sound")
    active = max((_HEADER.unpack_from(copy) for copy in sound), key=_sequence)
    _, _, _, _, _, log, log_version, version, length, at = active
    if any(log):
        raise Refused("dirty", "it was not closed cleanly and has a log to replay")
    if version != 1 or log_version != 0:
        raise Refused("version", f"VHDX version {version} with log version {log_version}")
    if length:
        window.check_inside(at, length, "log")


def _sequence(fields: Sequence[int]) -> int:
    return fields[2]


def _sealed(block: bytes, magic: bytes) -> bool:
    told = struct.unpack_from("<I", block, 4)[0]
    return block.startswith(magic) and crc32c(block[:4] + bytes(4) + block[8:]) == told


async def _regions(window: Window) -> Mapping[bytes, range]:
    first, second = [await window.exactly(at, REGION_LENGTH, "region table") for at in REGIONS]
    if first != second or not await asyncio.to_thread(_sealed, first, b"regi"):
        raise Refused("header", "its region tables are broken or differ")
    count = struct.unpack_from("<I", first, 8)[0]
    if count > _MOST_ENTRIES:
        raise Refused("header", f"a region table of {count} entries")
    found: dict[bytes, range] = {}
    for kind, at, length, required in _REGION.iter_unpack(first[16 : 16 + count * _REGION.size]):
        if kind in found or at < MIB or at % MIB or length % MIB or not length:
            raise Refused("table", f"a region of {length} bytes at {at}")
        window.check_inside(at, length, "region")
        if required or kind in (BAT, METADATA):
            found[kind] = range(at, at + length)
    return found


async def _check_bat(window: Window, region: range, geometry: Geometry) -> None:
    length = geometry.entries * 8
    if length > min(len(region), MAX_BAT):
        raise Refused("table", f"a block table of {length} bytes in {len(region)}")
    first, layout = 0, Layout(geometry, window.size)
    async for part in window.stream(region.start, length, "block table"):
        entries = numbers(part, 8, "little")
        await asyncio.to_thread(_check_entries, entries, first, layout)
        first += len(entries)


def _check_entries(entries: Sequence[int], first: int, layout: Layout) -> None:
    """``first`` is the index of the first of these entries in the whole table."""
    every = layout.geometry.ratio + 1
    for index, entry in enumerate(entries, first):
        if not entry:
            continue
        state, offset = entry & 7, entry >> 20 << 20
        if state == PARTIAL or (index % every == every - 1 and state != 0):
            raise Refused("parent", f"block {index} is partly that of a parent")
        if entry & _RESERVED or state not in (*NOT_PRESENT, PRESENT):
            raise Refused("cluster", f"block entry {entry:#x} is malformed")
        if state == PRESENT and not MIB <= offset <= layout.stored - layout.geometry.block:
            raise Refused("cluster", f"block entry {entry:#x} points out of place")
