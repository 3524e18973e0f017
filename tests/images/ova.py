"""A sound little OVA, and archives of members that can be anything."""

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.images.vmdk import Vmdk

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
<References><File ovf:id="file1" ovf:href="{href}" ovf:size="1"{file}/></References>
<DiskSection><Info>Disks</Info>
<Disk ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1"
 ovf:fileRef="{ref}"{disk}/></DiskSection>
<VirtualSystem ovf:id="vm"><Info>{info}</Info></VirtualSystem>
</Envelope>
"""


@dataclass(frozen=True)
class Odd:
    """A member that is no plain file."""

    name: str
    type: bytes
    link: str = ""


@dataclass(frozen=True)
class Ova:
    """Envelope, manifest, disk, and what else is put in."""

    disk: bytes = field(default_factory=lambda: Vmdk(stream=True).build())
    disk_name: str = "vm-disk1.vmdk"
    href: str = "vm-disk1.vmdk"
    ref: str = "file1"
    doctype: str = ""
    info: str = "A machine"
    file: str = ""
    disk_attributes: str = ""
    envelope: bytes | None = None
    envelope_name: str = "vm.ovf"
    manifest: bytes | None = None
    algorithm: str = "SHA256"
    more: Sequence[tuple[str, bytes] | Odd] = ()
    format: int = tarfile.USTAR_FORMAT
    after: bytes = b""
    prefix: str = ""

    def build(self) -> bytes:
        """The archive's bytes."""
        text = self._envelope() if self.envelope is None else self.envelope
        files = [(self.envelope_name, text), (self.disk_name, self.disk)]
        listed = self._manifest(files) if self.manifest is None else self.manifest
        if listed:
            files.insert(1, ("vm.mf", listed))
        members = [(self.prefix + name, data) for name, data in files]
        return tar(*members, *self.more, format=self.format) + self.after

    def _envelope(self) -> bytes:
        return ENVELOPE.format(
            doctype=self.doctype,
            href=self.href,
            file=self.file,
            ref=self.ref,
            disk=self.disk_attributes,
            info=self.info,
        ).encode()

    def _manifest(self, files: Sequence[tuple[str, bytes]]) -> bytes:
        lines = [
            f"{self.algorithm}({name})= {hashlib.new(self.algorithm, data).hexdigest()}\n"
            for name, data in files
        ]
        return "".join(lines).encode()


def tar(*members: tuple[str, bytes] | Odd, format: int = tarfile.USTAR_FORMAT) -> bytes:
    """An archive as Python writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for member in members:
            if isinstance(member, Odd):
                info = tarfile.TarInfo(member.name)
                info.type, info.linkname = member.type, member.link
                archive.addfile(info)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()
