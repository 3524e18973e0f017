"""The text inside a VMDK: one extent, which is the file itself, and no parent.

qemu looks its words up anywhere in the text, so each that leads to another file is refused
anywhere, and each it believes must stand there once.
"""

import re
from dataclasses import dataclass

from hypervisor_agent.gate.terms import Refused

NO_PARENT = "ffffffff"
TYPES = ("monolithicsparse", "streamoptimized")
_EXTENT = re.compile(r'\A(?:RW|RDONLY|NOACCESS) ([0-9]{1,18}) ([A-Z0-9]+) "([^"]*)"(.*)\Z')
_PAIR = re.compile(r"\A([A-Za-z]+(?:\.[^\s=]*)?) *= *(.*)\Z")
_KNOWN = {"version", "encoding", "cid", "parentcid", "isnativesnapshot", "createtype"}
_ENCODINGS = {"utf-8", "us-ascii", "windows-1252", "iso-8859-1"}
_ONCE = ("parentcid=", "createtype")


@dataclass(frozen=True)
class Descriptor:
    """What one says of itself."""

    type: str
    """In small letters."""
    sectors: int
    """Of its only extent."""


def parse(data: bytes) -> Descriptor:
    """Read it line by line; refuses any line that is not known to be harmless."""
    text = _text(data)
    lowered = text.lower()
    if "parentfilenamehint" in lowered:
        raise Refused("parent", "its descriptor names a parent")
    if any(lowered.count(word) != 1 for word in _ONCE):
        raise Refused("descriptor", "its descriptor says its type or parent never, or twice")
    values: dict[str, str] = {}
    extents: list[int] = []
    for line in (line.strip() for line in text.splitlines()):
        if line and not line.startswith("#"):
            _take(line, values, extents)
    if values.get("parentcid") != NO_PARENT:
        raise Refused("parent", "its descriptor has a parent's content id")
    if values.get("createtype") not in TYPES or len(extents) != 1:
        text = f"a descriptor of type {values.get('createtype', '')[:40]!a}, {len(extents)} extents"
        raise Refused("extent", text)
    return Descriptor(values["createtype"], extents[0])


def _text(data: bytes) -> str:
    body, _, rest = data.partition(b"\0")
    if rest.strip(b"\0"):
        raise Refused("descriptor", "its descriptor goes on after its end")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise Refused("descriptor", "its descriptor is not plain ASCII") from None
    if any(not (letter.isprintable() or letter in "\r\n\t") for letter in text):
        raise Refused("descriptor", "its descriptor has control characters")
    return text


def _take(line: str, values: dict[str, str], extents: list[int]) -> None:
    if extent := _EXTENT.match(line):
        extents.append(_own(extent))
        return
    pair = _PAIR.match(line)
    if pair is None:
        raise Refused("descriptor", f"its descriptor has the line {line[:60]!a}")
    name, value = pair[1].lower(), pair[2].strip().strip('"').lower()
    if name.startswith("ddb."):
        return
    if name not in _KNOWN or name in values:
        raise Refused("descriptor", f"its descriptor has the line {line[:60]!a}")
    if name == "encoding" and value not in _ENCODINGS:
        raise Refused("descriptor", f"its descriptor is encoded as {value[:40]!a}")
    values[name] = value


def _own(extent: re.Match[str]) -> int:
    sectors, kind, name, more = extent.groups()
    outside = {"/", "\\", ":"} & set(name) or ".." in name
    if kind != "SPARSE" or outside or not name or more.strip():
        raise Refused("extent", f"an extent of kind {kind[:20]} named {name[:60]!a}")
    return int(sectors)
