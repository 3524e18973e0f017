"""A UDF disc with nothing on it: recognition sequence, anchor, descriptor sequences."""

import struct
from dataclasses import dataclass

from hypervisor_agent.gate.udf import crc_itu

SECTOR = 2048


@dataclass(frozen=True)
class Udf:
    """As mkudffs lays it out, without ISO 9660."""

    blocks: int = 300
    sequence: tuple[bytes, ...] = (b"BEA01", b"NSR02", b"TEA01")
    tag: int = 2
    place: int = 256
    main_at: int = 32
    crc: int | None = None

    def build(self) -> bytes:
        """The image's bytes."""
        start = b"".join((b"\0" + name + b"\1").ljust(SECTOR, b"\0") for name in self.sequence)
        image = (b"\0" * 16 * SECTOR + start).ljust(256 * SECTOR, b"\0") + self._anchor()
        return image.ljust(self.blocks * SECTOR, b"\0")[: self.blocks * SECTOR]

    def _anchor(self) -> bytes:
        body = struct.pack("<IIII", 16 * SECTOR, self.main_at, 16 * SECTOR, 64).ljust(496, b"\0")
        crc = crc_itu(body) if self.crc is None else self.crc
        tag = struct.pack("<HHBBHHHI", self.tag, 2, 0, 0, 0, crc, len(body), self.place)
        return (tag[:4] + bytes([sum(tag) & 0xFF]) + tag[5:] + body).ljust(SECTOR, b"\0")
