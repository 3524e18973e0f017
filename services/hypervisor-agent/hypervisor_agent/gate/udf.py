"""UDF without ISO 9660, as large discs have it: a sound recognition sequence and anchor."""

import struct

from hypervisor_agent.gate.sizes import check_virtual_size, whole_sectors
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import Window

SECTOR = 2048
FIRST, ANCHOR = 16, 256
BEGIN, END = b"BEA01", b"TEA01"
SYSTEMS = (b"NSR02", b"NSR03")
_KNOWN = (BEGIN, END, b"BOOT2", *SYSTEMS)
_TAG = struct.Struct("<HHBBHHHI")
_ANCHOR_TAG = 2


def starts(head: bytes) -> bool:
    """Whether a recognition sequence begins where a volume descriptor would."""
    return head.startswith(BEGIN, FIRST * SECTOR + 1)


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The size in bytes as a guest's drive shows it."""
    _check_sequence(head)
    anchor = await window.exactly(ANCHOR * SECTOR, SECTOR, "UDF anchor")
    _check_tag(anchor)
    for at in (16, 24):
        length, block = struct.unpack_from("<II", anchor, at)
        window.check_inside(block * SECTOR, length, "UDF descriptor sequence")
    return check_virtual_size(whole_sectors(window.size), window.size, expected)


def _check_sequence(head: bytes) -> None:
    found = []
    for at in range(FIRST * SECTOR, len(head) - SECTOR + 1, SECTOR):
        found.append(head[at + 1 : at + 6])
        if found[-1] == END or found[-1] not in _KNOWN:
            break
    if found[-1:] != [END] or not set(SYSTEMS) & set(found):
        raise Refused("volume_descriptor", "its UDF recognition sequence is malformed")


def _check_tag(block: bytes) -> None:
    kind, version, told, _, _, crc, length, place = _TAG.unpack_from(block)
    total = (sum(block[:16]) - told) & 0xFF
    sound = kind == _ANCHOR_TAG and version in (2, 3) and place == ANCHOR and told == total
    if not sound or length > SECTOR - 16 or crc_itu(block[16 : 16 + length]) != crc:
        raise Refused("volume_descriptor", "its UDF anchor is malformed")


def crc_itu(data: bytes) -> int:
    """CRC-16 of polynomial 0x1021, as UDF's tags carry it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
