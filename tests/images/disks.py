"""Raw disks with a partition table."""

import struct

SECTOR = 512
DISK = 1024 * 1024


def mbr_disk(size: int = DISK, kind: int = 0x83) -> bytes:
    """A disk of ``size`` bytes with one primary partition of the given type."""
    return _protective(size, kind, start=8).ljust(size, b"\0")


def gpt_disk(size: int = DISK) -> bytes:
    """A disk of ``size`` bytes with a protective MBR and an empty GPT header at both ends."""
    disk = bytearray(_protective(size, 0xEE, start=1).ljust(size, b"\0"))
    disk[SECTOR : SECTOR + 8] = disk[size - SECTOR : size - SECTOR + 8] = b"EFI PART"
    return bytes(disk)


def _protective(size: int, kind: int, start: int) -> bytes:
    entry = struct.pack("<B3BB3BII", 0, 0, 2, 0, kind, 0xFF, 0xFF, 0xFF, start, size // SECTOR - 1)
    return b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"
