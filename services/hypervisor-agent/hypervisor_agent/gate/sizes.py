"""Limits on the virtual size, common to all formats."""

from hypervisor_agent.gate.terms import Expectation, Refused

SECTOR = 512
_PER_BYTE = 1 << 26
"""Virtual bytes one stored byte can honestly describe.

An empty qcow2 of 64 KiB clusters stores one 8-byte L1 entry per 512 MiB. Larger clusters describe
more, but their first four clusters alone keep any disk below 24 TiB under this line.
"""


def whole_sectors(size: int) -> int:
    """A byte length as the disk a guest sees: rounded up to 512."""
    return -(-size // SECTOR) * SECTOR


def check_virtual_size(virtual: int, stored: int, expected: Expectation) -> int:
    """The virtual size in bytes, or a refusal."""
    if virtual == 0:
        raise Refused("empty", "the virtual disk has no bytes")
    if virtual > stored * _PER_BYTE:
        raise Refused("absurd_size", f"{stored} bytes claim a disk of {virtual} bytes")
    if virtual > expected.max_virtual_size:
        limit = expected.max_virtual_size
        raise Refused("too_large", f"its {virtual} virtual bytes exceed the allowed {limit}")
    return virtual
