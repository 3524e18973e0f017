"""qcow2 rules: nothing outside the file, nothing unknown, every table in its place."""

import struct
from collections.abc import Iterator

from hypervisor_agent.gate import qcow2_header, qcow2_tables
from hypervisor_agent.gate.qcow2_header import Header
from hypervisor_agent.gate.qcow2_layout import Layout
from hypervisor_agent.gate.sizes import SECTOR, check_virtual_size
from hypervisor_agent.gate.terms import Expectation, Option, Refused
from hypervisor_agent.gate.window import Window

DIRTY, CORRUPT, DATA_FILE, COMPRESSION, EXTENDED_L2 = (1 << bit for bit in range(5))
KNOWN = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2
RAW_DATA_FILE = 1 << 1
"""An autoclear bit."""
ZLIB, ZSTD = 0, 1

Rule = tuple[bool, str, str]
"""Whether the image breaks it, the code and the reason."""

BACKING_FORMAT, DATA_FILE_NAME = 0xE2792ACA, 0x44415441
FEATURE_NAMES, BITMAPS, ENCRYPTION = 0x6803F857, 0x23852875, 0x0537BE77
_FORBIDDEN = {
    BACKING_FORMAT: ("backing_file", "it names the format of a backing file"),
    DATA_FILE_NAME: ("data_file", "it names an external data file"),
    ENCRYPTION: ("encrypted", "it has an encryption header"),
}


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The virtual size in bytes of an image that keeps every rule."""
    header = qcow2_header.parse(head)
    for rules in (_geometry(header), _outside(header), _features(header, expected.allowed)):
        _refuse_first(rules)
    for kind, content in qcow2_header.extensions(header, head):
        _check_extension(kind, content, header, window.size)
    check_virtual_size(header.virtual_size, window.size, expected)
    layout = Layout(header, bool(header.incompatible & EXTENDED_L2), window.size)
    await qcow2_tables.check(window, layout)
    return header.virtual_size


def _refuse_first(rules: Iterator[Rule]) -> None:
    for broken, code, reason in rules:
        if broken:
            raise Refused(code, reason)


def _geometry(header: Header) -> Iterator[Rule]:
    bits, length = header.cluster_bits, header.length
    yield not 9 <= bits <= 21, "header", f"clusters of 2^{bits} bytes"
    if header.version == 3:
        known = length in (qcow2_header.V3_LENGTH, qcow2_header.KNOWN_LENGTH)
        yield not known, "header", f"a header of {length} bytes"
    yield header.refcount_order > 6, "header", f"refcounts of 2^{header.refcount_order} bits"
    size = header.virtual_size
    yield size % SECTOR != 0, "header", f"{size} virtual bytes are no whole number of sectors"
    stray = header.snapshots_offset % header.cluster or header.snapshots_offset >> 63
    yield bool(stray), "table", f"a snapshot table at {header.snapshots_offset}"


def _outside(header: Header) -> Iterator[Rule]:
    backing = header.backing_offset or header.backing_size
    yield bool(backing), "backing_file", "it has a backing file name"
    external = header.incompatible & DATA_FILE or header.autoclear & RAW_DATA_FILE
    yield bool(external), "data_file", "it keeps its data in another file"
    yield header.crypt_method != 0, "encrypted", f"encryption method {header.crypt_method}"
    yield header.snapshots != 0, "snapshots", f"it holds {header.snapshots} internal snapshots"


def _features(header: Header, allowed: frozenset[Option]) -> Iterator[Rule]:
    bits = header.incompatible
    yield bool(bits & ~KNOWN), "feature", f"unknown incompatible features {bits & ~KNOWN:#x}"
    yield bool(bits & CORRUPT), "corrupt", "it is marked corrupt"
    dirty = bits & DIRTY and Option.DIRTY not in allowed
    yield bool(dirty), "dirty", "it was not closed cleanly; run qemu-img check -r all on it"
    extended = bits & EXTENDED_L2
    forbidden = extended and Option.EXTENDED_L2 not in allowed
    yield bool(forbidden), "extended_l2", "extended L2 entries are not taken here"
    small = extended and header.cluster_bits < 14
    yield bool(small), "header", "its clusters are too small for extended L2 entries"
    marked = ZSTD if bits & COMPRESSION else ZLIB
    text = f"compression type {header.compression} does not fit its feature bit"
    yield header.compression != marked, "feature", text


def _check_extension(kind: int, content: bytes, header: Header, stored: int) -> None:
    if kind in _FORBIDDEN:
        raise Refused(*_FORBIDDEN[kind])
    if kind == BITMAPS:
        _check_bitmaps(content, header.cluster, stored)
    elif kind != FEATURE_NAMES:
        raise Refused("extension", f"unknown extension {kind:#x}")


def _check_bitmaps(content: bytes, cluster: int, stored: int) -> None:
    if len(content) != 24:
        raise Refused("extension", f"a bitmaps extension of {len(content)} bytes")
    count, reserved, length, offset = struct.unpack(">IIQQ", content)
    sound = 0 < count <= 65535 and reserved == 0 and 0 < length <= count * 1024
    if not sound or offset % cluster or offset < cluster or offset + length > stored:
        raise Refused("extension", "the bitmap directory is out of place")
