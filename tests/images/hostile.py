"""What every door must refuse: how each image is declared, the code it gets, and its bytes.

One table for the gate's own tests and for those of every ingress.
"""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from stowage_contracts.values import ImageFormat

from tests.images import hostile_disks
from tests.images.foreign import UNSUPPORTED, vmdk_text
from tests.images.hostile_disks import STREAM, Table
from tests.images.iso import Iso
from tests.images.ova import Odd, Ova, tar
from tests.images.packed import PACKERS, linked_zip, zip_of
from tests.images.qcow2 import Qcow2
from tests.images.udf import Udf
from tests.images.vhd import FIXED, Vhd
from tests.images.vhdx import MIB

RAW, QCOW2, ISO = ImageFormat.RAW, ImageFormat.QCOW2, ImageFormat.ISO
VHD, VHDX, VDI = ImageFormat.VHD, ImageFormat.VHDX, ImageFormat.VDI
VMDK, OVA = ImageFormat.VMDK, ImageFormat.OVA


@dataclass(frozen=True)
class Hostile:
    """One image and what must come of it."""

    declared: ImageFormat
    code: str
    """Without ``image.``."""
    build: Callable[[], bytes]


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
_ISO: Table = {
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
_TABLES: tuple[tuple[ImageFormat, Table], ...] = (
    (ISO, _ISO),
    (QCOW2, _QCOW2),
    (VHD, hostile_disks.VHD),
    (VHDX, hostile_disks.VHDX),
    (VDI, hostile_disks.VDI),
    (VMDK, hostile_disks.VMDK),
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
            RAW, "compressed", _packed(PACKERS["gzip"], _packed(pack, lambda: b"\0" * 512))
        )
        for kind, pack in PACKERS.items()
    },
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
