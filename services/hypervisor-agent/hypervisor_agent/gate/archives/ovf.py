"""The disks an OVF envelope describes, read without entities, references or a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from hypervisor_agent.gate.archives.names import check_base_name
from hypervisor_agent.gate.terms import Refused

MAX_ENVELOPE = 4 * 1024 * 1024
_MOST_FILES = 256


@dataclass
class Envelope:
    """What matters of one."""

    files: dict[str, str] = field(default_factory=dict)
    """Member names by file id."""
    disks: list[str] = field(default_factory=list)
    """File ids of disks that have content."""

    @property
    def disk_members(self) -> list[str]:
        """Member names of the disks, each once."""
        unknown = [disk for disk in self.disks if disk not in self.files]
        if unknown:
            raise Refused("ovf", f"a disk refers to the unknown file {unknown[0][:60]!a}")
        return list(dict.fromkeys(self.files[disk] for disk in self.disks))


def parse(data: bytes) -> Envelope:
    """Read an envelope; refuses one with a document type, and whatever leads out of the archive."""
    found = Envelope()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    # A declared encoding would let the document choose any codec Python has.
    parser = expat.ParserCreate("utf-16" if wide else "utf-8", " ")

    def start(name: str, attributes: Mapping[str, str]) -> None:
        told = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        _element(name.rpartition(" ")[2], told, found)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.ExternalEntityRefHandler = _no_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Refused("ovf", f"its envelope is not XML: {error}") from None
    if not found.disks:
        raise Refused("ovf", "its envelope describes no disk")
    return found


def _no_doctype(*_declaration: object) -> None:
    raise Refused("ovf", "its envelope has a document type")


def _no_entity(*_reference: object) -> int:
    raise Refused("ovf", "its envelope refers to an entity")


def _element(name: str, told: Mapping[str, str], found: Envelope) -> None:
    if name == "File":
        _file(told, found)
    elif name == "Disk":
        if told.get("parentRef"):
            raise Refused("parent", "a disk of its envelope has a parent")
        if told.get("fileRef"):
            found.disks.append(told["fileRef"])


def _file(told: Mapping[str, str], found: Envelope) -> None:
    known = told.get("id", "")
    if not known or known in found.files or len(found.files) >= _MOST_FILES:
        raise Refused("ovf", f"its envelope has no, or twice, the file {known[:60]!a}")
    if told.get("compression", "identity") not in ("", "identity") or told.get("chunkSize"):
        raise Refused("archive", "a file of its envelope is compressed or in pieces")
    found.files[known] = _member(told.get("href", ""))


def _member(href: str) -> str:
    try:
        return check_base_name(href)
    except Refused:
        raise Refused("ovf_href", f"its envelope refers to {href[:80]!a}") from None
