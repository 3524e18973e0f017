"""What every door must refuse: how each image is declared, the code it gets, and its bytes.

One table for the gate's own tests and for those of every ingress.
"""

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from stowage_contracts.values import ImageFormat

from tests.images.foreign import UNSUPPORTED, vmdk_text
from tests.images.iso import Iso
from tests.images.ova import Odd, Ova, tar
from tests.images.packed import PACKERS, linked_zip, zip_of
from tests.images.qcow2 import Qcow2
from tests.images.udf import Udf
from tests.images.vdi import Vdi
from tests.images.vhd import DIFFERENCING, FIXED, FREE, Vhd
from tests.images.vhdx import LOCATOR, MIB, PRESENT, UNKNOWN, Vhdx
from tests.images.vmdk import Vmdk

RAW, QCOW2, ISO = ImageFormat.RAW, ImageFormat.QCOW2, ImageFormat.ISO
VHD, VHDX, VDI = ImageFormat.VHD, ImageFormat.VHDX, ImageFormat.VDI
VMDK, OVA = ImageFormat.VMDK, ImageFormat.OVA
STREAM = Vmdk(stream=True)


class Builder(Protocol):
    """Anything that makes an image."""

    def build(self) -> bytes:
        """Its bytes."""
        ...


@dataclass(frozen=True)
class Hostile:
    """One image and what must come of it."""

    declared: ImageFormat
    code: str
    """Without ``image.``."""
    build: Callable[[], bytes]


_Table = Mapping[str, tuple[str, Builder]]


def _backed(name: bytes) -> Qcow2:
    return Qcow2(backing_offset=512, backing_size=len(name), patch=(512, name))


def _packed(pack: Callable[[bytes], bytes], build: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: pack(build())


def _zeros() -> bytes:
    return b"\0" * (32 * MIB)


def _over(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


_QCOW2 = {
    "backing file": ("backing_file", _backed(b"/etc/passwd")),
    "backing offset without size": ("backing_file", Qcow2(backing_offset=512)),
    "backing file upwards": ("backing_file", _backed(b"../../../etc/shadow")),
    "backing file with NUL": ("backing_file", _backed(b"ok\0/etc/passwd")),
    "data file bit": ("data_file", Qcow2(incompatible=1 << 2)),
    "data file as json": (
        "data_file",
        Qcow2(incompatible=1 << 2, extensions=((0x44415441, b'json:{"driver":"nbd"}'),)),
    ),
    "unknown bit 5": ("feature", Qcow2(incompatible=1 << 5)),
    "unknown bit 63": ("feature", Qcow2(incompatible=1 << 63)),
    "corrupt bit": ("corrupt", Qcow2(incompatible=1 << 1)),
    "tiny file of 1 PiB": ("absurd_size", Qcow2(virtual_size=1 << 50, l1_entries=1 << 21)),
    "L1 overflow": ("table", Qcow2(l1_entries=0xFFFFFFFF)),
    "LUKS": ("encrypted", Qcow2(crypt_method=2)),
    "snapshots": ("snapshots", Qcow2(snapshots=1, snapshots_offset=4 << 16)),
    "version 1": ("version", Qcow2(version=1)),
}
_VHD = {
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
_VHDX = {
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
_VDI = {
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
_VMDK = {
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
_OVA = {
    "path upwards": ("archive_path", Ova(more=[("../../etc/passwd", b"x")])),
    "absolute path": ("archive_path", Ova(more=[("/etc/passwd", b"x")])),
    "path into a folder": ("archive_path", Ova(more=[("folder/file", b"x")])),
    "backslashes": ("archive_path", Ova(more=[("..\\file", b"x")])),
    "long path upwards": (
        "archive_path",
        Ova(more=[("../" * 60 + "etc/passwd", b"x")], format=tarfile.GNU_FORMAT),
    ),
    "pax path upwards": (
        "archive_path",
        Ova(more=[("../" * 60 + "etc/passwd", b"x")], format=tarfile.PAX_FORMAT),
    ),
    "symbolic link": ("archive_link", Ova(more=[Odd("x", tarfile.SYMTYPE, "/etc/passwd")])),
    "hard link": ("archive_link", Ova(more=[Odd("x", tarfile.LNKTYPE, "vm.ovf")])),
    "character device": ("archive_device", Ova(more=[Odd("x", tarfile.CHRTYPE)])),
    "block device": ("archive_device", Ova(more=[Odd("x", tarfile.BLKTYPE)])),
    "pipe": ("archive_device", Ova(more=[Odd("x", tarfile.FIFOTYPE)])),
    "sparse member": ("archive_sparse", Ova(more=[Odd("x", tarfile.GNUTYPE_SPARSE)])),
    "folder": ("archive_path", Ova(more=[Odd("x", tarfile.DIRTYPE)])),
    "duplicate": ("archive_duplicate", Ova(more=[("vm.OVF", b"x")])),
    "something after its end": ("archive", Ova(after=b"QFI\xfb")),
    "too many members": ("archive", Ova(more=[(f"f{n}", b"") for n in range(300)])),
    "wrong digest": ("manifest", Ova(manifest=b"SHA256(vm.ovf)= " + b"0" * 64 + b"\n")),
    "digest of nothing": ("manifest", Ova(manifest=b"SHA1(other)= " + b"0" * 40 + b"\n")),
    "manifest of nonsense": ("manifest", Ova(manifest=b"nonsense\n")),
    "manifest with MD5": ("manifest", Ova(manifest=b"MD5(vm.ovf)= " + b"0" * 40 + b"\n")),
    "no envelope": ("ovf", Ova(envelope_name="vm.txt")),
    "envelope in a codec of its choice": (
        "ovf",
        Ova(envelope=b'<?xml version="1.0" encoding="hex"?>'),
    ),
    "envelope that is no XML": ("ovf", Ova(envelope=b"{}")),
    "envelope with a document type": (
        "ovf",
        Ova(doctype='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', info="&a;"),
    ),
    "billion laughs": (
        "ovf",
        Ova(doctype='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>', info="&b;"),
    ),
    "reference to a URL": ("ovf_href", Ova(href="http://169.254.169.254/latest/")),
    "reference to a host file": ("ovf_href", Ova(href="file:///etc/passwd")),
    "reference upwards": ("ovf_href", Ova(href="../disk.vmdk")),
    "reference to no member": ("ovf_href", Ova(href="other.vmdk")),
    "disk of no file": ("ovf", Ova(ref="file2")),
    "disk with a parent": ("parent", Ova(disk_attributes=' ovf:parentRef="vmdisk0"')),
    "compressed disk": ("archive", Ova(file=' ovf:compression="gzip"')),
    "disk in pieces": ("archive", Ova(file=' ovf:chunkSize="100"')),
    "disk that is a descriptor": ("data_file", Ova(disk=vmdk_text())),
    "disk with a flat extent": (
        "extent",
        Ova(disk=replace(STREAM, extent='RW 2048 FLAT "/etc/passwd" 0').build()),
    ),
    "disk that is a qcow2": ("ovf", Ova(disk=_backed(b"/etc/passwd").build())),
    "disk that is raw": ("ovf", Ova(disk=b"\0" * 4096)),
}
_ISO: _Table = {
    "more blocks than it has": ("volume_descriptor", Iso(declared_blocks=25)),
    "no terminator": ("volume_descriptor", Iso(terminated=False)),
    "udf without a system": ("volume_descriptor", Udf(sequence=(b"BEA01", b"TEA01"))),
    "udf without an end": ("volume_descriptor", Udf(sequence=(b"BEA01", b"NSR02"))),
    "udf of an unknown sequence": ("volume_descriptor", Udf(sequence=(b"BEA01", b"XXXXX"))),
    "udf without an anchor": ("volume_descriptor", Udf(tag=1)),
    "udf whose anchor lies elsewhere": ("volume_descriptor", Udf(place=512)),
    "udf whose anchor has a wrong sum": ("volume_descriptor", Udf(crc=1)),
    "udf cut short": ("table", Udf(blocks=200)),
    "udf that leads past its end": ("table", Udf(main_at=1 << 30)),
}
_TABLES: tuple[tuple[ImageFormat, _Table], ...] = (
    (ISO, _ISO),
    (QCOW2, _QCOW2),
    (VHD, _VHD),
    (VHDX, _VHDX),
    (VDI, _VDI),
    (VMDK, _VMDK),
    (OVA, _OVA),
)
_BACKED = _backed(b"/etc/passwd").build
_MIXED: dict[str, Hostile] = {
    "qcow2 declared raw": Hostile(RAW, "format_mismatch", _BACKED),
    "qcow2 declared iso": Hostile(ISO, "format_mismatch", _BACKED),
    "vmdk text descriptor declared raw": Hostile(RAW, "format_mismatch", vmdk_text),
    "vmdk text descriptor": Hostile(VMDK, "data_file", vmdk_text),
    "vhd declared raw": Hostile(RAW, "format_mismatch", Vhd(kind=FIXED).build),
    "iso and qcow2": Hostile(ISO, "polyglot", Iso(system_area=_BACKED()[:4096]).build),
    "qcow2 with a boot sector": Hostile(
        QCOW2, "polyglot", lambda: _over(Qcow2().build(), 510, b"\x55\xaa")
    ),
    "qcow2 and zip": Hostile(
        QCOW2, "polyglot", lambda: Qcow2().build() + zip_of(("disk.raw", b"x"))
    ),
    "fixed vhd and qcow2": Hostile(VHD, "polyglot", Vhd(kind=FIXED, content=_BACKED()).build),
    "metalink": Hostile(
        RAW,
        "document",
        lambda: b'<?xml version="1.0"?><metalink><url>http://10.0.0.1/</url></metalink>',
    ),
    "metalink without a declaration": Hostile(QCOW2, "document", lambda: b"\n<metalink/>"),
    "error page": Hostile(ISO, "document", lambda: b"\xef\xbb\xbf<!DOCTYPE HTML><title>404"),
    "wide error page": Hostile(RAW, "document", lambda: "<html>".encode("utf-16")),
    "gzip where none is taken": Hostile(RAW, "compressed", lambda: PACKERS["gzip"](b"\0" * 4096)),
    "tar declared raw": Hostile(RAW, "archive", lambda: tar(("disk.raw", b"\0" * 512))),
}
HOSTILE: dict[str, Hostile] = {
    **{
        f"{declared.value}: {name}": Hostile(declared, code, image.build)
        for declared, table in _TABLES
        for name, (code, image) in table.items()
    },
    **{
        f"{form}: unsupported, {name}": Hostile(
            ImageFormat(form), "unsupported_format", partial(bytes, data)
        )
        for name, (form, data) in UNSUPPORTED.items()
    },
    **_MIXED,
}

PACKED: dict[str, Hostile] = {
    **{
        f"{kind} of a qcow2 with a backing file": Hostile(
            QCOW2, "backing_file", _packed(pack, _BACKED)
        )
        for kind, pack in PACKERS.items()
    },
    **{
        f"{kind} bomb": Hostile(RAW, "bomb", _packed(pack, _zeros))
        for kind, pack in PACKERS.items()
    },
    **{
        f"{kind} within gzip": Hostile(
            RAW, "archive", _packed(PACKERS["gzip"], _packed(pack, lambda: b"\0" * 512))
        )
        for kind, pack in PACKERS.items()
    },
    "gzip of an OVA": Hostile(OVA, "archive", lambda: PACKERS["gzip"](Ova().build())),
    "gzip of another format": Hostile(
        RAW, "format_mismatch", lambda: PACKERS["gzip"](Qcow2().build())
    ),
    "gzip of a polyglot": Hostile(
        ISO, "polyglot", lambda: PACKERS["gzip"](Iso(system_area=_BACKED()[:4096]).build())
    ),
    "zip of a link": Hostile(RAW, "archive_link", linked_zip),
    "zip of two": Hostile(RAW, "archive", lambda: zip_of(("a", b"\0" * 512), ("b", b"x"))),
    "zip upwards": Hostile(RAW, "archive_path", lambda: zip_of(("../x", b"\0" * 512))),
}
"""Compressed images, for a door that looks into them."""
