"""VMDK rules: one sparse extent with its descriptor inside, and a footer that says the same."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypervisor_agent.gate import vmdk_descriptor
from hypervisor_agent.gate.numbers import numbers, spread
from hypervisor_agent.gate.sizes import SECTOR, check_virtual_size
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import Window

MAGIC = b"KDMV"
HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
AT_END = 0xFFFF_FFFF_FFFF_FFFF
NEWLINES_CHECKED, SECOND_DIRECTORY, ZEROED, COMPRESSED, MARKERS = (
    1 << n for n in (0, 1, 2, 16, 17)
)
KNOWN = NEWLINES_CHECKED | SECOND_DIRECTORY | ZEROED | COMPRESSED | MARKERS
GRAINS = 512
"""Entries of a grain table, in every VMDK there is."""
MAX_DESCRIPTOR = 1024
"""Sectors."""
MAX_DIRECTORY = 4 * 1024 * 1024
MAX_TABLES = 32768
"""Looked at, of an image that has more (above 1 TiB)."""
_FOOTER_MARKER = struct.pack("<QII", 1, 0, 3)
_DEFLATE = 1


@dataclass(frozen=True)
class Header:
    """The fields in their order in the file, after the magic; sizes and places in sectors."""

    version: int
    flags: int
    capacity: int
    grain: int
    descriptor_at: int
    descriptor_length: int
    table_entries: int
    second_at: int
    directory_at: int
    overhead: int
    unclean: int
    newlines: bytes
    compression: int

    @property
    def tables(self) -> int:
        """Grain tables that cover the disk."""
        return -(-self.capacity // (self.grain * GRAINS))


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual size in bytes."""
    header = await _footed(window, _parse(head))
    _check_geometry(header)
    place, length = header.descriptor_at * SECTOR, header.descriptor_length * SECTOR
    descriptor = vmdk_descriptor.parse(await window.exactly(place, length, "descriptor"))
    if descriptor.sectors != header.capacity:
        text = f"its extent has {descriptor.sectors} sectors, its header {header.capacity}"
        raise Refused("extent", text)
    if (descriptor.type == "streamoptimized") != bool(header.flags & COMPRESSED):
        raise Refused("header", f"compressed grains do not fit the type {descriptor.type}")
    size = check_virtual_size(header.capacity * SECTOR, window.size, expected)
    if header.flags & SECOND_DIRECTORY:
        await _tables(window, header, header.second_at)
    tables = await _tables(window, header, header.directory_at)
    async for data in window.each(spread(tables, MAX_TABLES), GRAINS * 4):
        _check_grains(numbers(data, 4, "little"), window.size)
    return size


def _parse(data: bytes) -> Header:
    if not data.startswith(MAGIC):
        raise Refused("data_file", "it is a text descriptor, or an extent, of other files")
    if len(data) < SECTOR:
        raise Refused("truncated", f"{len(data)} bytes hold no VMDK header")
    return Header(*HEADER.unpack_from(data)[1:])


async def _footed(window: Window, header: Header) -> Header:
    """The header with the directory's place, which a stream's footer tells."""
    if header.directory_at != AT_END:
        return header
    end = await window.exactly(window.size - 3 * SECTOR, 3 * SECTOR, "footer")
    if not end.startswith(_FOOTER_MARKER) or not end.startswith(MAGIC, SECTOR):
        raise Refused("footer", "its header points to a footer that is not there")
    if any(end[2 * SECTOR :]):
        raise Refused("footer", "there is something after its footer")
    footer = _parse(end[SECTOR : 2 * SECTOR])
    told = replace(
        footer,
        directory_at=header.directory_at,
        second_at=header.second_at,
        overhead=header.overhead,
        unclean=header.unclean,
    )
    if told != header or footer.directory_at == AT_END:
        raise Refused("footer", "its footer differs from its header")
    return footer


def _check_geometry(header: Header) -> None:
    if header.flags & ~KNOWN:
        raise Refused("feature", f"unknown features {header.flags & ~KNOWN:#x}")
    if not 1 <= header.version <= 3:
        raise Refused("version", f"VMDK version {header.version}")
    if header.flags & NEWLINES_CHECKED and header.newlines != b"\n \r\n":
        raise Refused("header", "it was copied as text")
    packed = _DEFLATE if header.flags & COMPRESSED else 0
    if header.table_entries != GRAINS or header.compression != packed:
        raise Refused("header", f"tables of {header.table_entries} grains")
    if header.grain & (header.grain - 1) or not 8 <= header.grain <= 2048:
        raise Refused("header", f"grains of {header.grain} sectors")
    if header.capacity >= 1 << 54:
        raise Refused("too_large", f"it has {header.capacity} sectors")
    if not header.descriptor_at or not 0 < header.descriptor_length <= MAX_DESCRIPTOR:
        raise Refused("descriptor", f"a descriptor of {header.descriptor_length} sectors")


async def _tables(window: Window, header: Header, sector: int) -> list[int]:
    """Where the grain tables of a directory are, in bytes."""
    length = header.tables * 4
    if length > MAX_DIRECTORY or sector < 1:
        raise Refused("table", f"a grain directory of {length} bytes at sector {sector}")
    places: list[int] = []
    async for part in window.stream(sector * SECTOR, length, "grain directory"):
        places += [place * SECTOR for place in numbers(part, 4, "little") if place]
    if places and max(places) + GRAINS * 4 > window.size:
        raise Refused("table", f"a grain table at {max(places)} is out of place")
    return places


def _check_grains(grains: Sequence[int], stored: int) -> None:
    if max(grains) * SECTOR >= stored:
        raise Refused("cluster", f"a grain at sector {max(grains)} is out of place")
