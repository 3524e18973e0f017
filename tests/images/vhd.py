"""A sound little VHD whose every part can be falsified."""

import struct
from dataclasses import dataclass

SECTOR, MIB = 512, 1024 * 1024
FIXED, DYNAMIC, DIFFERENCING = 2, 3, 4
FREE = 0xFFFFFFFF


def _summed(data: bytes, at: int) -> bytes:
    total = ~(sum(data) - sum(data[at : at + 4])) & 0xFFFFFFFF
    return data[:at] + struct.pack(">I", total) + data[at + 4 :]


@dataclass(frozen=True)
class Vhd:
    """Copy of the footer, dynamic header, block table, blocks, footer; or data and footer."""

    kind: int = DYNAMIC
    size: int = 4 * MIB
    creator: bytes = b"win "
    geometry: tuple[int, int, int] = (120, 4, 17)
    version: int = 0x10000
    block: int = 2 * MIB
    entries: int | None = None
    table: tuple[int, ...] = (5, FREE)
    table_at: int = 3 * SECTOR
    header_at: int = SECTOR
    parent: bytes = b""
    parent_name: bytes = b""
    locators: bytes = b""
    tail_kind: int | None = None
    tail_size: int | None = None
    tail: bool = True
    summed: bool = True
    blocks: int = 1
    content: bytes = b""

    def build(self) -> bytes:
        """The image's bytes."""
        end = self.footer(self.tail_kind, self.tail_size) if self.tail else b""
        if self.kind == FIXED:
            return self.content.ljust(self.size, b"\0") + end
        table = struct.pack(f">{len(self.table)}I", *self.table).ljust(SECTOR, b"\xff")
        start = self.footer() + self._header() + table
        body = b"".join(b"\xff" * SECTOR + b"\1" * self.block for _ in range(self.blocks))
        return start.ljust(5 * SECTOR, b"\0") + body + end

    def footer(self, kind: int | None = None, size: int | None = None) -> bytes:
        """One footer, or the copy at the start."""
        told = self.size if size is None else size
        data = struct.pack(
            ">8sIIQI4s4s4sQQHBBII16sB427x",
            b"conectix",
            2,
            self.version,
            0xFFFF_FFFF_FFFF_FFFF if self.kind == FIXED else self.header_at,
            0,
            self.creator,
            b"\0\5\0\3",
            b"Wi2k",
            told,
            told,
            *self.geometry,
            self.kind if kind is None else kind,
            0,
            b"\7" * 16,
            0,
        )
        return _summed(data, 64) if self.summed else data

    def _header(self) -> bytes:
        entries = -(-self.size // self.block) if self.entries is None else self.entries
        data = struct.pack(
            ">8sQQIIII16sII512s192s256x",
            b"cxsparse",
            0xFFFF_FFFF_FFFF_FFFF,
            self.table_at,
            0x10000,
            entries,
            self.block,
            0,
            self.parent,
            0,
            0,
            self.parent_name,
            self.locators,
        )
        return _summed(data, 36)
