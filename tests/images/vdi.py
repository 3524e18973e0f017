"""A sound little VDI whose every part can be falsified."""

import struct
from dataclasses import dataclass

MIB = 1024 * 1024
FREE = 0xFFFFFFFF


@dataclass(frozen=True)
class Vdi:
    """Header, block map and one block."""

    kind: int = 1
    version: int = 0x10001
    size: int = 4 * MIB
    block: int = MIB
    blocks: int = 4
    sector: int = 512
    map_at: int = 512
    data_at: int = 1024
    map: tuple[int, ...] = (0, FREE, FREE, FREE)
    link: bytes = b""
    parent: bytes = b""

    def build(self) -> bytes:
        """The image's bytes."""
        header = struct.pack(
            "<64sIIIII256sIIIIIIIQIIII16s16s16s16s",
            b"<<< Oracle VM VirtualBox Disk Image >>>\n",
            0xBEDA107F,
            self.version,
            400,
            self.kind,
            0,
            b"",
            self.map_at,
            self.data_at,
            0,
            0,
            0,
            self.sector,
            0,
            self.size,
            self.block,
            0,
            self.blocks,
            1,
            b"\1" * 16,
            b"\2" * 16,
            self.link,
            self.parent,
        )
        table = struct.pack(f"<{len(self.map)}I", *self.map)
        return (header.ljust(512, b"\0") + table).ljust(1024, b"\0") + b"\1" * MIB
