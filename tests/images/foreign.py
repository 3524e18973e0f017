"""The smallest things that pass for an image of a format Stowage does not take, by name."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

KIB = 1024
_DESCRIPTOR = (
    "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID={parent}\n"
    'createType="{type}"\n{hint}\n# Extent description\n{extent}\n'
)


def vmdk_text(
    extent: str = 'RW 1 FLAT "/etc/passwd" 0', parent: str = "ffffffff", hint: str = ""
) -> bytes:
    """A text descriptor; by default of one flat extent that is a file of the host."""
    text = _DESCRIPTOR.format(parent=parent, type="monolithicFlat", hint=hint, extent=extent)
    return text.encode()


def vmdk_sparse(footer: bytes | None = None) -> bytes:
    """A hosted sparse extent with an embedded descriptor, and a footer where one is given."""
    directory = 21 if footer is None else 0xFFFF_FFFF_FFFF_FFFF
    header = struct.pack("<4sIIQQQQIQQ", b"KDMV", 1, 3, 2048, 128, 1, 20, 512, 0, directory)
    text = _DESCRIPTOR.format(
        parent="ffffffff", type="monolithicSparse", hint="", extent='RW 2048 SPARSE "x.vmdk"'
    )
    body = header.ljust(512, b"\0") + text.encode().ljust(20 * 512, b"\0") + b"\0" * 64 * KIB
    return body + (footer or b"")


def vmdk_other_footer() -> bytes:
    """A footer that points at another descriptor than the header does."""
    marker = struct.pack("<QII496x", 1, 0, 3)
    header = struct.pack("<4sIIQQQQIQQ", b"KDMV", 1, 3, 2048, 128, 40, 20, 512, 0, 21)
    return vmdk_sparse(marker + header.ljust(512, b"\0") + b"\0" * 512)


def vhd_footer(kind: int = 2) -> bytes:
    """A VHD's footer: fixed (2), dynamic (3) or differencing (4)."""
    start = struct.pack(">8sIIQ", b"conectix", 2, 0x10000, 0xFFFF_FFFF_FFFF_FFFF)
    sizes = struct.pack(">QQ", 64 * KIB, 64 * KIB)
    return (start.ljust(40, b"\0") + sizes).ljust(60, b"\0") + struct.pack(">I448x", kind)


def vhdx(has_parent: bool = False) -> bytes:
    """A VHDX identifier, region table and the file parameters of its metadata."""
    image = bytearray(320 * KIB)
    image[:8] = b"vhdxfile"
    struct.pack_into("<4sIII", image, 192 * KIB, b"regi", 0, 1, 0)
    region = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    struct.pack_into("<16sQII", image, 192 * KIB + 16, region, 256 * KIB, 64 * KIB, 1)
    struct.pack_into("<8sHH", image, 256 * KIB, b"metadata", 0, 1)
    parameters = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
    struct.pack_into("<16sIIII", image, 256 * KIB + 32, parameters, 4096, 8, 4, 0)
    struct.pack_into("<II", image, 260 * KIB, 32 * KIB * KIB, 2 if has_parent else 0)
    return bytes(image)


def vdi(kind: int = 1) -> bytes:
    """A VDI's header: dynamic (1), fixed (2), undo (3) or differencing (4)."""
    return (
        b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0")
        + struct.pack("<IIII", 0xBEDA107F, 0x10001, 400, kind)
    ).ljust(4 * KIB, b"\0")


def tar(name: str = "disk.raw", link: str = "") -> bytes:
    """An archive of one member, or of one symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member)
    return buffer.getvalue()


def zipped() -> bytes:
    """An archive of one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("disk.raw", b"\0" * 512)
    return buffer.getvalue()


def gzip_bomb(size: int = 32 * KIB * KIB) -> bytes:
    """``size`` zero bytes, a thousand times smaller."""
    return gzip.compress(b"\0" * size, mtime=0)


def _padded(start: bytes) -> bytes:
    return start.ljust(4 * KIB, b"\0")


FOREIGN: dict[str, tuple[str, bytes]] = {
    "vmdk descriptor of a host file": ("vmdk", vmdk_text()),
    "vmdk descriptor with a parent": (
        "vmdk",
        vmdk_text('RW 1 SPARSE "x.vmdk"', "12345678", 'parentFileNameHint="/etc/passwd"'),
    ),
    "vmdk descriptor in capitals": ("vmdk", vmdk_text().upper()),
    "vmdk descriptor after a comment": ("vmdk", b"# a\n \n# b\n" + vmdk_text()[22:]),
    "vmdk sparse": ("vmdk", vmdk_sparse()),
    "vmdk sparse of six bytes": ("vmdk", b"KDMV\1\0"),
    "vmdk with another footer": ("vmdk", vmdk_other_footer()),
    "vmdk of ESX 2": ("vmdk", _padded(b"COWD")),
    "vhd fixed": ("vhd", b"\0" * 64 * KIB + vhd_footer(2)),
    "vhd fixed of 511 footer bytes": ("vhd", b"\0" * 64 * KIB + vhd_footer(2)[:511]),
    "vhd dynamic": ("vhd", vhd_footer(3) + b"\0" * KIB + vhd_footer(3)),
    "vhd differencing": ("vhd", vhd_footer(4) + b"\0" * KIB + vhd_footer(4)),
    "vhdx": ("vhdx", vhdx()),
    "vhdx with a parent": ("vhdx", vhdx(has_parent=True)),
    "vdi": ("vdi", vdi()),
    "vdi differencing": ("vdi", vdi(4)),
    "qed": ("qed", _padded(b"QED\0")),
    "luks 1": ("luks", _padded(b"LUKS\xba\xbe\0\1")),
    "luks 2": ("luks", _padded(b"LUKS\xba\xbe\0\2")),
    "parallels": ("parallels", _padded(b"WithoutFreeSpace")),
    "parallels extended": ("parallels", _padded(b"WithouFreSpacExt")),
    "dmg": ("dmg", b"\0" * 4 * KIB + b"koly".ljust(512, b"\0")),
}
"""Format and bytes; each is only ever detected, never opened."""

UNSUPPORTED = {
    name: found
    for name, found in FOREIGN.items()
    if found[0] in ("qed", "luks", "parallels", "dmg")
}
"""Those the gate never takes."""

UNNAMED = {
    "bochs": _padded(b"Bochs Virtual HD Image"),
    "cloop": _padded(b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
}
"""Formats qemu reads and Stowage has no word for."""

COMPRESSED = {
    "zip": zipped(),
    "gzip": gzip_bomb(),
    "bzip2": bz2.compress(b"\0" * 512),
    "xz": lzma.compress(b"\0" * 512),
}

ARCHIVES = {
    "tar with a path upwards": tar("../../etc/passwd"),
    "tar with a symbolic link": tar("disk.raw", "/etc/passwd"),
    "zstd": _padded(b"\x28\xb5\x2f\xfd"),
    "7z": _padded(b"7z\xbc\xaf\x27\x1c"),
}
