"""Disks of other hypervisors as they must not be: the code each is refused with, by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from tests.images.vdi import Vdi
from tests.images.vhd import DIFFERENCING, FIXED, FREE, Vhd
from tests.images.vhdx import LOCATOR, MIB, PRESENT, UNKNOWN, Vhdx
from tests.images.vmdk import Vmdk

STREAM = Vmdk(stream=True)


class Builder(Protocol):
    """Anything that makes an image."""

    def build(self) -> bytes:
        """Its bytes."""
        ...


Table = Mapping[str, tuple[str, Builder]]
"""Code, without ``image.``, and image."""

VHD: Table = {
    "differencing": ("parent", Vhd(kind=DIFFERENCING)),
    "differencing in its footer only": ("parent", Vhd(tail_kind=DIFFERENCING)),
    "parent id": ("parent", Vhd(parent=b"\1" * 16)),
    "parent name": ("parent", Vhd(parent_name="\\disk.vhd".encode("utf-16-be"))),
    "parent locator": ("parent", Vhd(locators=b"W2ku" + b"\0" * 20)),
    "footer of another kind": ("footer", Vhd(tail_kind=FIXED)),
    "footer of another size": ("footer", Vhd(tail_size=8 * MIB)),
    "no footer": ("footer", Vhd(tail=False)),
    "fixed with a dynamic footer": ("header", Vhd(kind=FIXED, tail_kind=3)),
    "unknown kind": ("header", Vhd(kind=9)),
    "broken sum": ("header", Vhd(summed=False)),
    "unknown version": ("header", Vhd(version=0x20000)),
    "odd blocks": ("header", Vhd(block=MIB + 512, table=(FREE,), blocks=0, entries=9)),
    "no dynamic header": ("header", Vhd(header_at=512 * 5)),
    "dynamic header past the end": ("table", Vhd(header_at=1 << 40)),
    "table past the end": ("table", Vhd(table_at=1 << 40)),
    "table in the header": ("table", Vhd(table_at=512)),
    "table too small": ("table", Vhd(entries=1)),
    "table of 2^32 entries": ("table", Vhd(entries=0xFFFFFFFE)),
    "block past the end": ("cluster", Vhd(table=(1 << 30, FREE))),
    "block in the footer copy": ("cluster", Vhd(table=(0, FREE))),
    "1 EiB": ("absurd_size", Vhd(size=1 << 60, entries=2)),
    "no bytes": ("empty", Vhd(size=0, geometry=(0, 0, 0), entries=2)),
    "fixed, cut short": ("truncated", Vhd(kind=FIXED, tail_size=8 * MIB)),
}
VHDX: Table = {
    "has a parent": ("parent", Vhdx(flags=2)),
    "parent locator": ("parent", Vhdx(item=LOCATOR)),
    "block partly of a parent": ("parent", Vhdx(bat=(4 * MIB | 7,))),
    "log to replay": ("dirty", Vhdx(log=b"\1" * 16)),
    "unknown required region": ("header", Vhdx(region=UNKNOWN)),
    "unknown required item": ("feature", Vhdx(item=UNKNOWN)),
    "no sound header": ("header", Vhdx(broken_headers=2)),
    "unsealed regions": ("header", Vhdx(sealed_regions=False)),
    "two region tables": ("header", Vhdx(second_region=b"regi".ljust(65536, b"\0"))),
    "version 2": ("version", Vhdx(version=2)),
    "blocks of 3 MiB": ("header", Vhdx(block=3 * MIB)),
    "sectors of 4 KiB": ("feature", Vhdx(sector=4096)),
    "half a sector": ("header", Vhdx(size=4 * MIB + 1)),
    "without a size": ("header", Vhdx(lacks_size=True)),
    "block past the end": ("cluster", Vhdx(bat=(1 << 40 | PRESENT,))),
    "block in the header": ("cluster", Vhdx(bat=(PRESENT,))),
    "reserved bits": ("cluster", Vhdx(bat=(4 * MIB | 1 << 10 | PRESENT,))),
    "table past the end": ("table", Vhdx(bat_at=1 << 40)),
    "table too small": ("table", Vhdx(size=1 << 40)),
    "1 EiB": ("absurd_size", Vhdx(size=1 << 60)),
}
VDI: Table = {
    "differencing": ("parent", Vdi(kind=4)),
    "undo": ("parent", Vdi(kind=3)),
    "linked": ("parent", Vdi(link=b"\1" * 16)),
    "parent id": ("parent", Vdi(parent=b"\1" * 16)),
    "unknown kind": ("version", Vdi(kind=7)),
    "version 0": ("version", Vdi(version=1)),
    "blocks of 2 MiB": ("header", Vdi(block=2 * MIB)),
    "sectors of 4 KiB": ("header", Vdi(sector=4096)),
    "map of 2^32 blocks": ("table", Vdi(blocks=0xFFFFFFFF)),
    "map too small": ("table", Vdi(blocks=1)),
    "map past the end": ("table", Vdi(map_at=1 << 30, data_at=1 << 31)),
    "map in the header": ("table", Vdi(map_at=0)),
    "map over the data": ("table", Vdi(data_at=512)),
    "block past the end": ("cluster", Vdi(map=(3, FREE, FREE, FREE))),
    "more blocks than there are": ("cluster", Vdi(map=(9, FREE, FREE, FREE))),
    "1 EiB": ("absurd_size", Vdi(size=1 << 60)),
}
VMDK: Table = {
    "flat extent": ("extent", Vmdk(extent='RW 2048 FLAT "/etc/passwd" 0')),
    "extent with a path": ("extent", Vmdk(extent='RW 2048 SPARSE "/etc/passwd"')),
    "extent upwards": ("extent", Vmdk(extent='RW 2048 SPARSE "..\\disk.vmdk"')),
    "extent at an offset": ("extent", Vmdk(extent='RW 2048 SPARSE "disk.vmdk" 1')),
    "two extents": ("extent", Vmdk(extent='RW 1024 SPARSE "a"\nRW 1024 SPARSE "b"')),
    "no extent": ("extent", Vmdk(extent="")),
    "extent of another size": ("extent", Vmdk(extent='RW 4096 SPARSE "disk.vmdk"')),
    "another type": ("extent", Vmdk(type="monolithicFlat")),
    "parent": ("parent", Vmdk(parent="12345678")),
    "parent hint": ("parent", Vmdk(more='parentFileNameHint="/etc/passwd"\n')),
    "parent hint in a comment": ("parent", Vmdk(more='#parentFileNameHint="/etc/passwd"\n')),
    "parent said twice": ("descriptor", Vmdk(more="# parentCID=12345678\n")),
    "unknown line": ("descriptor", Vmdk(more='changeTrackPath="/etc/passwd"\n')),
    "line without sense": ("descriptor", Vmdk(more="anything\n")),
    "line that is not ASCII": ("descriptor", Vmdk(more='ddb.comment = "é"\n')),
    "line with a control character": ("descriptor", Vmdk(more="ddb.x = \x1b[2J\n")),
    "text after its end": ("descriptor", Vmdk(more='\0parentFileNameHint="/x"\n')),
    "unknown encoding": ("descriptor", Vmdk(more='encoding="UTF-7"\n')),
    "no descriptor": ("descriptor", Vmdk(descriptor_at=0)),
    "descriptor past the end": ("table", Vmdk(descriptor_at=1 << 30)),
    "unknown flags": ("feature", Vmdk(flags=3 | 1 << 20)),
    "version 4": ("version", Vmdk(version=4)),
    "copied as text": ("header", Vmdk(newlines=b"\n \n\n")),
    "odd grains": ("header", Vmdk(grain=100)),
    "grains of 1 TiB": ("header", Vmdk(grain=1 << 31)),
    "tables of one grain": ("header", Vmdk(entries=1)),
    "compressed by its flags only": ("header", Vmdk(flags=0x10003)),
    "directory past the end": ("table", Vmdk(directory=1 << 40)),
    "table past the end": ("table", Vmdk(table=1 << 30)),
    "grain past the end": ("cluster", Vmdk(first_grain=1 << 30)),
    "2^63 sectors": ("too_large", Vmdk(capacity=1 << 63)),
    "no sectors": ("empty", Vmdk(capacity=0, extent='RW 0 SPARSE "disk.vmdk"')),
    "1 PiB": ("absurd_size", Vmdk(capacity=1 << 41, extent=f'RW {1 << 41} SPARSE "disk.vmdk"')),
    "footer with another descriptor": ("footer", replace(STREAM, footer_descriptor_at=40)),
    "footer of another size": ("footer", replace(STREAM, footer_capacity=4096)),
    "no footer": ("footer", replace(STREAM, footer=False)),
    "footer without end": ("footer", replace(STREAM, after_footer=b"KDMV")),
    "footer that points to itself": ("footer", replace(STREAM, directory=(1 << 64) - 1)),
    "stream of a flat extent": ("extent", replace(STREAM, extent='RW 2048 FLAT "/etc/passwd" 0')),
    "stream with a parent": ("parent", replace(STREAM, parent="12345678")),
}
