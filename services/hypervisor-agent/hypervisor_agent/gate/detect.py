"""Which formats a run of bytes could be taken for, by our signatures and by oslo.utils at once."""

import logging
import re
from dataclasses import dataclass

from oslo_utils.imageutils import format_inspector

from hypervisor_agent.gate import udf

# It reports what it cannot read of a hostile image as errors of ours.
logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)

PARTITIONED = "partition table"
COMPRESSIONS = frozenset({"gzip", "bzip2", "xz", "zip"})
"""Those the gate looks into."""
ARCHIVES = frozenset({"zstd", "7z", "tar"})
DOCUMENTS = frozenset({"html", "xml"})


@dataclass(frozen=True)
class Signature:
    """Bytes at a fixed place that a program would recognise."""

    name: str
    magic: bytes
    offset: int = 0


# oslo.utils wants whole header sectors, so a file of a few bytes that qemu would still
# recognise is seen only here.
SIGNATURES = (
    Signature("qcow2", b"QFI\xfb"),
    Signature("qed", b"QED\0"),
    Signature("luks", b"LUKS\xba\xbe"),
    Signature("vmdk", b"KDMV"),
    Signature("vmdk", b"COWD"),
    Signature("vhd", b"conectix"),
    Signature("vhdx", b"vhdxfile"),
    Signature("vdi", b"\x7f\x10\xda\xbe", 0x40),
    Signature("parallels", b"WithoutFreeSpace"),
    Signature("parallels", b"WithouFreSpacExt"),
    Signature("bochs", b"Bochs Virtual HD Image"),
    Signature("cloop", b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
    Signature("iso", b"CD001", 0x8001),
    Signature("gzip", b"\x1f\x8b\x08"),
    Signature("bzip2", b"1AY&SY", 4),
    Signature("xz", b"\xfd7zXZ\0"),
    Signature("zip", b"PK\x03\x04"),
    Signature("zstd", b"\x28\xb5\x2f\xfd"),
    Signature("7z", b"7z\xbc\xaf\x27\x1c"),
    Signature("tar", b"ustar", 257),
)
TAIL_SIGNATURES = (
    Signature("vhd", b"conectix"),  # a fixed VHD has nothing but this footer
    Signature("vhd", b"conectix", 1),  # old Virtual PC wrote 511 bytes
    Signature("dmg", b"koly"),
    Signature("zip", b"PK\x05\x06", 490),  # readers of zip files begin at this end
)
_LAST = 512
_DESCRIPTOR = re.compile(rb"\A[\s\0]*# *disk *descriptorfile", re.IGNORECASE)
_DOCUMENTS = (
    ("html", re.compile(r"\A\s*+(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype html|html)\b", re.I | re.S)),
    ("xml", re.compile(r"\A\s*<(?:\?xml|metalink|!doctype|!--|ovf:|envelope\b|svg\b)", re.I)),
)
"""Metalinks and envelopes are XML; an error page of a web server is HTML."""
_QEMU_DESCRIPTOR = re.compile(rb"\A(?:#[^\n]*\n|[ \r]*\n)*version=\d", re.IGNORECASE)


def detect(head: bytes, tail: bytes) -> frozenset[str]:
    """Names of every format recognised in the first and last bytes; none means plain bytes."""
    ours = {s.name for s in SIGNATURES if head.startswith(s.magic, s.offset)}
    end = tail[-_LAST:]
    last = {s.name for s in TAIL_SIGNATURES if end.startswith(s.magic, s.offset)}
    text = {"vmdk"} if _is_text_descriptor(head[:65536]) else _documents(head[:1024])
    disc = {"iso"} if udf.starts(head) else set()
    return frozenset(ours | last | text | disc | _by_oslo(head))


def _is_text_descriptor(head: bytes) -> bool:
    return bool(_DESCRIPTOR.match(head) or _QEMU_DESCRIPTOR.match(head))


def _documents(head: bytes) -> set[str]:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8-sig", "replace")
    return set([name for name, start in _DOCUMENTS if start.match(text)][:1])


def _by_oslo(head: bytes) -> set[str]:
    kinds = {name: kind for name, kind in format_inspector.ALL_FORMATS.items() if name != "raw"}
    names = {name for name, kind in kinds.items() if _matches(kind(), head)}
    return {PARTITIONED if name == "gpt" else name for name in names}


def _matches(inspector: format_inspector.FileInspector, head: bytes) -> bool:
    try:
        inspector.eat_chunk(head)
        return bool(inspector.format_match)
    except Exception:  # these parsers fail in many ways on bytes that are not theirs
        return False
