"""A sound little VHDX whose every part can be falsified."""

import struct
from dataclasses import dataclass

from hypervisor_agent.gate.crc32c import crc32c

KIB, MIB = 1024, 1024 * 1024
REGION_BAT = bytes.fromhex("6677c22d23f600429d64115e9bfd4a08")
REGION_METADATA = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
PARAMETERS = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
SIZE = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
PAGE_83 = bytes.fromhex("ab12cabee6b2234593efc309e000c746")
LOGICAL = bytes.fromhex("1dbf41816fa90947ba47f233a8faab5f")
PHYSICAL = bytes.fromhex("c748a3cd5d4471449cc9e9885251c556")
LOCATOR = bytes.fromhex("2d5fd3a80bb34d45abf7d3d84834ab0c")
UNKNOWN = b"\x5a" * 16
PRESENT = 6


@dataclass(frozen=True)
class Vhdx:
    """Headers, regions, a log, metadata, a block table and a block, each at a MiB of its own."""

    size: int = 4 * MIB
    block: int = MIB
    sector: int = 512
    flags: int = 0
    log: bytes = b""
    version: int = 1
    bat: tuple[int, ...] = (4 * MIB | PRESENT,)
    bat_at: int = 3 * MIB
    region: bytes = b""
    """One more required region."""
    item: bytes = b""
    """One more required item."""
    broken_headers: int = 0
    second_region: bytes = b""
    sealed_regions: bool = True
    lacks_size: bool = False

    def build(self) -> bytes:
        """The image's bytes."""
        image = bytearray(5 * MIB)
        image[:8] = b"vhdxfile"
        for index, at in enumerate((64 * KIB, 128 * KIB)):
            image[at : at + 4 * KIB] = self._header(index)
        regions = self._regions()
        image[192 * KIB : 256 * KIB] = regions
        image[256 * KIB : 320 * KIB] = self.second_region or regions
        self._metadata(image)
        struct.pack_into(f"<{len(self.bat)}Q", image, 3 * MIB, *self.bat)
        image[4 * MIB :] = b"\1" * MIB
        return bytes(image)

    def _header(self, index: int) -> bytes:
        data = struct.pack(
            "<4sIQ16s16s16sHHIQ",
            b"head",
            0,
            index + 1,
            b"\1" * 16,
            b"\2" * 16,
            self.log,
            0,
            self.version,
            MIB,
            MIB,
        ).ljust(4 * KIB, b"\0")
        return _sealed(data) if index >= self.broken_headers else data

    def _regions(self) -> bytes:
        entries = [(REGION_BAT, self.bat_at, MIB, 1), (REGION_METADATA, 2 * MIB, MIB, 1)]
        if self.region:
            entries.append((self.region, 4 * MIB, MIB, 1))
        packed = b"".join(struct.pack("<16sQII", *entry) for entry in entries)
        data = (struct.pack("<4sIII", b"regi", 0, len(entries), 0) + packed).ljust(64 * KIB, b"\0")
        return _sealed(data) if self.sealed_regions else data

    def _metadata(self, image: bytearray) -> None:
        items = [
            (PARAMETERS, struct.pack("<II", self.block, self.flags), 4),
            (SIZE, struct.pack("<Q", self.size), 6),
            (PAGE_83, b"\3" * 16, 6),
            (LOGICAL, struct.pack("<I", self.sector), 6),
            (PHYSICAL, struct.pack("<I", 4096), 6),
        ]
        del items[1 : 1 + self.lacks_size]
        if self.item:
            items.append((self.item, b"parent", 4))
        struct.pack_into("<8sHH", image, 2 * MIB, b"metadata", 0, len(items))
        at = 64 * KIB
        for index, (kind, content, flags) in enumerate(items):
            entry = (kind, at, len(content), flags, 0)
            struct.pack_into("<16sIIII", image, 2 * MIB + 32 + index * 32, *entry)
            image[2 * MIB + at : 2 * MIB + at + len(content)] = content
            at += 16


def _sealed(data: bytes) -> bytes:
    return data[:4] + struct.pack("<I", crc32c(data)) + data[8:]
