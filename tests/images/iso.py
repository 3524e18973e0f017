"""An ISO 9660 volume with nothing on it."""

import struct
from dataclasses import dataclass

SECTOR = 2048


@dataclass(frozen=True)
class Iso:
    """System area, primary volume descriptor, terminator, and blocks up to the declared size."""

    blocks: int = 24
    declared_blocks: int | None = None
    declared_big_endian: int | None = None
    block_size: int = SECTOR
    root: int = 18
    version: int = 1
    primary: bool = True
    terminated: bool = True
    system_area: bytes = b""

    def build(self) -> bytes:
        """The image's bytes."""
        sectors = [self._primary()] if self.primary else []
        sectors += [b"\xffCD001\x01"] if self.terminated else []
        body = b"".join(sector.ljust(SECTOR, b"\0") for sector in sectors)
        return (self.system_area.ljust(16 * SECTOR, b"\0") + body).ljust(
            self.blocks * SECTOR, b"\0"
        )

    def _primary(self) -> bytes:
        little = self.blocks if self.declared_blocks is None else self.declared_blocks
        big = little if self.declared_big_endian is None else self.declared_big_endian
        sector = bytearray(SECTOR)
        sector[:8] = b"\x01CD001" + bytes([self.version, 0])
        struct.pack_into("<I", sector, 80, little)
        struct.pack_into(">I", sector, 84, big)
        struct.pack_into("<H", sector, 128, self.block_size)
        struct.pack_into(">H", sector, 130, self.block_size)
        struct.pack_into("<I", sector, 158, self.root)
        struct.pack_into(">I", sector, 162, self.root)
        return bytes(sector)
