"""A sound little VMDK, sparse or a stream, whose every part can be falsified."""

import struct
import zlib
from dataclasses import dataclass

SECTOR, KIB = 512, 1024
AT_END = 0xFFFF_FFFF_FFFF_FFFF
TEXT = """# Disk DescriptorFile
version=1
CID=fffffffe
parentCID={parent}
isNativeSnapshot="no"
createType="{type}"

# Extent description
{extent}

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "1"
ddb.virtualHWVersion = "4"
{more}"""


@dataclass(frozen=True)
class Vmdk:
    """Header, descriptor, directories, tables and one grain of 64 KiB; ``None`` is honest."""

    stream: bool = False
    """Compressed, with its directory at the end and a footer that says where."""
    capacity: int = 2048
    flags: int | None = None
    version: int = 1
    grain: int = 128
    entries: int = 512
    parent: str = "ffffffff"
    type: str | None = None
    extent: str = 'RW 2048 SPARSE "disk.vmdk"'
    more: str = ""
    text: bytes | None = None
    descriptor_at: int = 1
    footer_descriptor_at: int = 1
    footer_capacity: int | None = None
    footer: bool = True
    after_footer: bytes = b""
    directory: int | None = None
    table: int | None = None
    """The sector of the only grain table."""
    first_grain: int | None = None
    newlines: bytes = b"\n \r\n"

    def build(self) -> bytes:
        """The image's bytes."""
        return self._streamed() if self.stream else self._sparse()

    def _header(self, directory: int, at: int, capacity: int | None = None) -> bytes:
        flags = (0x30001 if self.stream else 3) if self.flags is None else self.flags
        return struct.pack(
            "<4sIIQQQQIQQQB4sH433x",
            b"KDMV",
            3 if self.stream and self.version == 1 else self.version,
            flags,
            self.capacity if capacity is None else capacity,
            self.grain,
            at,
            20,
            self.entries,
            0 if self.stream else 21,
            directory,
            128,
            0,
            self.newlines,
            1 if self.stream else 0,
        )

    def _text(self) -> bytes:
        kind = self.type or ("streamOptimized" if self.stream else "monolithicSparse")
        text = TEXT.format(parent=self.parent, type=kind, extent=self.extent, more=self.more)
        return (text.encode() if self.text is None else self.text).ljust(20 * SECTOR, b"\0")

    def _tables(self, table: int, grain: int) -> tuple[bytes, bytes]:
        place = table if self.table is None else self.table
        first = grain if self.first_grain is None else self.first_grain
        directory = struct.pack("<I", place).ljust(SECTOR, b"\0")
        return directory, struct.pack("<I", first).ljust(4 * SECTOR, b"\0")

    def _sparse(self) -> bytes:
        directory = 26 if self.directory is None else self.directory
        start = self._header(directory, self.descriptor_at) + self._text()
        tables = b"".join(b"".join(self._tables(at, 128)) for at in (22, 27))
        return (start + tables).ljust(128 * SECTOR, b"\0") + b"\1" * 64 * KIB

    def _streamed(self) -> bytes:
        image = (self._header(AT_END, self.descriptor_at) + self._text()).ljust(128 * SECTOR, b"\0")
        packed = zlib.compress(b"\1" * 64 * KIB)
        image += _padded(struct.pack("<QI", 0, len(packed)) + packed)
        table_at = len(image) // SECTOR + 1
        directory, table = self._tables(table_at, 128)
        image += _marker(4, 1) + table
        directory_at = len(image) // SECTOR + 1
        image += _marker(1, 2) + directory
        if self.footer:
            at = directory_at if self.directory is None else self.directory
            footer = self._header(at, self.footer_descriptor_at, self.footer_capacity)
            image += _marker(1, 3) + footer
        return image + self.after_footer.ljust(SECTOR, b"\0")


def _marker(sectors: int, kind: int) -> bytes:
    return _padded(struct.pack("<QII", sectors, 0, kind))


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % SECTOR)
