"""ISO rules: a sound primary volume descriptor and all its blocks, or else a sound UDF."""

import struct

from hypervisor_agent.gate import udf
from hypervisor_agent.gate.sizes import check_virtual_size, whole_sectors
from hypervisor_agent.gate.terms import Expectation, Refused
from hypervisor_agent.gate.window import Window

SECTOR = 2048
FIRST = 16
_PRIMARY, _TERMINATOR = 1, 255


async def judge(window: Window, head: bytes, expected: Expectation) -> int:
    """The size in bytes as a guest's drive shows it; the whole descriptor set lies in ``head``."""
    if udf.starts(head):
        return await udf.judge(window, head, expected)
    primary = _primary(_descriptors(head))
    declared = _volume_bytes(primary)
    if declared > window.size:
        text = f"the volume has {declared} bytes but only {window.size} are stored"
        raise Refused("volume_descriptor", text)
    return check_virtual_size(whole_sectors(window.size), window.size, expected)


def _descriptors(head: bytes) -> list[bytes]:
    found: list[bytes] = []
    for at in range(FIRST * SECTOR, len(head) - SECTOR + 1, SECTOR):
        block = head[at : at + SECTOR]
        if block[1:6] != b"CD001":
            break
        if block[0] == _TERMINATOR:
            return found
        found.append(block)
    raise Refused("volume_descriptor", "the set of volume descriptors has no end")


def _primary(descriptors: list[bytes]) -> bytes:
    primary = next((block for block in descriptors if block[0] == _PRIMARY), None)
    if primary is None:
        raise Refused("volume_descriptor", "there is no primary volume descriptor")
    if primary[6] != 1:
        raise Refused("volume_descriptor", f"unknown descriptor version {primary[6]}")
    return primary


def _volume_bytes(primary: bytes) -> int:
    blocks = _both_orders(primary, 80, "I")
    block_size = _both_orders(primary, 128, "H")
    if blocks == 0 or block_size not in (512, 1024, SECTOR):
        raise Refused("volume_descriptor", f"{blocks} blocks of {block_size} bytes are no volume")
    root = _both_orders(primary, 158, "I")
    if not 0 < root < blocks:
        raise Refused("volume_descriptor", f"the root directory lies at block {root} of {blocks}")
    return blocks * block_size


def _both_orders(block: bytes, at: int, kind: str) -> int:
    """A number that ISO 9660 stores little-endian, then big-endian."""
    little = struct.unpack_from(f"<{kind}", block, at)[0]
    big = struct.unpack_from(f">{kind}", block, at + struct.calcsize(kind))[0]
    if little != big:
        raise Refused("volume_descriptor", f"the number at byte {at} reads {little} and {big}")
    return int(little)
