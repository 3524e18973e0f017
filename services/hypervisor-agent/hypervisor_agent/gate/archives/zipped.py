"""A zip archive of one file, read from its front: header, data, then the directory at its end."""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hypervisor_agent.gate.archives.inflate import Inflate
from hypervisor_agent.gate.archives.limits import PIECE, Meter
from hypervisor_agent.gate.archives.names import check_path
from hypervisor_agent.gate.terms import Refused

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64_LENGTH, _LOCATOR_LENGTH = 56, 20
_MOST = 256 * 1024
"""Bytes of a header or directory; a name and an extra field take up to 64 KiB each."""
_UNKNOWN = 0xFFFFFFFF
STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR_FOLLOWS = 1, 1 << 3


@dataclass(frozen=True)
class Local:
    """The header before a member's data."""

    flags: int
    method: int
    size: int
    """Of the data as stored, for a stored member."""
    name: bytes


class ZipUnpacker:
    """The only member of an archive; refuses one with more, whose directory must agree."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._held = b""
        self._local: Local | None = None
        self._inflate = Inflate(wrapped=False)
        self._done = False
        self._crc = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` unpacks to, in pieces."""
        self._meter.taken += len(data)
        if self._local is None:
            self._held += data
            self._local, data = self._header()
        if self._local is not None and not self._done:
            yield from self._pieces(self._local, data)
        elif self._local is not None:
            self._hold(data)

    def finish(self) -> None:
        """Check the directory at the end."""
        if self._local is None or not self._done:
            raise Refused("truncated", "its zip archive has no end")
        directory = _directory(self._held)
        start = len(self._held) - directory.length
        follows = self._local.flags & DESCRIPTOR_FOLLOWS
        if start not in ((12, 16, 20, 24) if follows else (0,)):
            raise Refused("archive", "there is something else between its member and directory")
        directory.check(self._local, self._crc, self._meter.given)

    def _header(self) -> tuple[Local | None, bytes]:
        if len(self._held) < _LOCAL.size:
            return None, b""
        fields = _LOCAL.unpack_from(self._held)
        named, extra = fields[9], fields[10]
        end = _LOCAL.size + named + extra
        if len(self._held) < end:
            return None, b""
        name = self._held[_LOCAL.size : _LOCAL.size + named]
        size = _stored_size(fields[7], self._held[_LOCAL.size + named : end])
        local = _checked(Local(flags=fields[2], method=fields[3], size=size, name=name))
        rest, self._held = self._held[end:], b""
        return local, rest

    def _pieces(self, local: Local, data: bytes) -> Iterator[bytes]:
        if local.method == STORED:
            kept = local.size - self._meter.given
            for at in range(0, min(kept, len(data)), PIECE):
                yield self._out(data[at : min(at + PIECE, kept)])
            if self._meter.given == local.size:
                self._end(data[kept:])
            return
        while True:
            piece = self._inflated(data)
            data = b""
            if piece:
                yield self._out(piece)
            if self._inflate.eof:
                return self._end(self._inflate.unused_data)
            if self._inflate.needs_input:
                return None

    def _inflated(self, data: bytes) -> bytes:
        try:
            with self._meter.working():
                return self._inflate.decompress(data, PIECE)
        except zlib.error as error:
            raise Refused("archive", f"its compressed stream is broken: {error}") from error

    def _out(self, piece: bytes) -> bytes:
        self._meter.give(len(piece))
        self._crc = zlib.crc32(piece, self._crc)
        return piece

    def _end(self, rest: bytes) -> None:
        self._done = True
        self._hold(rest)

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > _MOST:
            raise Refused("archive", "it is a zip archive of more than one file")


@dataclass(frozen=True)
class Directory:
    """The one entry of the directory at the end of an archive."""

    length: int
    """Bytes from its start to the archive's end."""
    flags: int
    method: int
    crc: int
    size: int
    name: bytes
    mode: int

    def check(self, local: Local, crc: int, given: int) -> None:
        """Refuse where it disagrees with what came before it."""
        same = (self.flags, self.method, self.name) == (local.flags, local.method, local.name)
        if not same or self.crc != crc or self.size not in (given, _UNKNOWN):
            raise Refused("archive", "its zip directory does not describe its member")
        kind = stat.S_IFMT(self.mode)
        if kind not in (0, stat.S_IFREG):
            raise Refused("archive_link", "its member is not a regular file")


def _checked(local: Local) -> Local:
    if local.flags & ENCRYPTED:
        raise Refused("encrypted", "its zip archive is encrypted")
    if local.method not in (STORED, DEFLATED):
        raise Refused("archive", f"zip method {local.method} is not read")
    if local.method == STORED and local.flags & DESCRIPTOR_FOLLOWS:
        raise Refused("archive", "its stored member has no length")
    check_path(local.name.decode("utf-8", "backslashreplace"))
    return local


def _stored_size(size: int, extra: bytes) -> int:
    """A member's length; a zip64 field has both lengths, the stored one last."""
    at = 0
    while size == _UNKNOWN and at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1 and length >= 16 and at + 4 + length <= len(extra):
            return int(struct.unpack_from("<Q", extra, at + 12)[0])
        at += 4 + length
    return size


def _directory(held: bytes) -> Directory:
    end = held.rfind(b"PK\x05\x06")
    if end < 0 or end + _END.size > len(held):
        raise Refused("truncated", "its zip archive has no directory")
    _, disk, first, here, total, size, _, comment = _END.unpack_from(held, end)
    if disk or first or not here == total == 1 or end + _END.size + comment != len(held):
        raise Refused("archive", "it is not a zip archive of one file")
    if held[end - _LOCATOR_LENGTH : end].startswith(b"PK\x06\x07"):
        end -= _LOCATOR_LENGTH + _END64_LENGTH
    start = end - size
    if start < 0 or held[start : start + 4] != b"PK\x01\x02" or size < _ENTRY.size:
        raise Refused("archive", "its zip directory is out of place")
    fields = _ENTRY.unpack_from(held, start)
    if size != _ENTRY.size + sum(fields[10:13]):
        raise Refused("archive", "its zip directory has more than one entry")
    name = held[start + _ENTRY.size : start + _ENTRY.size + fields[10]]
    return Directory(
        length=len(held) - start,
        flags=fields[3],
        method=fields[4],
        crc=fields[7],
        size=fields[9],
        name=name,
        mode=fields[15] >> 16,
    )
