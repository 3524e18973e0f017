"""Streams of one compressed file, and which of them a run of bytes starts."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from hypervisor_agent.gate.archives.inflate import Inflate
from hypervisor_agent.gate.archives.limits import PIECE, Limits, Meter
from hypervisor_agent.gate.archives.zipped import ZipUnpacker
from hypervisor_agent.gate.terms import Refused

_MAGIC = {"gzip": b"\x1f\x8b\x08", "xz": b"\xfd7zXZ\0", "zip": b"PK\x03\x04"}
_XZ_MEMORY = 80 * 1024 * 1024
"""``xz -9`` needs 65 MiB."""


class Unpacker(Protocol):
    """One compressed stream on its way."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` unpacks to, in pieces; take them all before the next call."""
        ...

    def finish(self) -> None:
        """No more is coming; refuses a stream that has no end or whose sums disagree."""
        ...


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def compression_of(head: bytes) -> str:
    """The compression whose signature these first bytes (ten suffice) carry, or none."""
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "bzip2"
    return next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "")


def unpacker(kind: str, limits: Limits) -> Unpacker:
    """A fresh one. Raises KeyError for a kind that ``compression_of`` does not answer."""
    meter = Meter(limits)
    return ZipUnpacker(meter) if kind == "zip" else StreamUnpacker(_DECODERS[kind], meter)


class StreamUnpacker:
    """Streams of one kind, one after the other, with zeros between and after them."""

    def __init__(self, start: Callable[[], _Decoder], meter: Meter) -> None:
        self._start, self._meter = start, meter
        self._decoder: _Decoder | None = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """As the protocol says."""
        self._meter.taken += len(data)
        while True:
            if self._decoder is None:
                data = data.lstrip(b"\0") if self._ended else data
                if not data:
                    return
                self._decoder = self._start()
            if piece := self._step(self._decoder, data):
                yield piece
            if self._decoder.eof:
                data, self._decoder, self._ended = self._decoder.unused_data, None, True
            elif self._decoder.needs_input:
                return
            else:
                data = b""

    def finish(self) -> None:
        """As the protocol says."""
        if self._decoder is not None or not self._ended:
            raise Refused("truncated", "its compressed stream has no end")

    def _step(self, decoder: _Decoder, data: bytes) -> bytes:
        try:
            with self._meter.working():
                piece = decoder.decompress(data, PIECE)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
            raise Refused("archive", f"its compressed stream is broken: {error}") from error
        self._meter.give(len(piece))
        return piece


def _gzip() -> _Decoder:
    return Inflate(wrapped=True)


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


_DECODERS: Mapping[str, Callable[[], _Decoder]] = {
    "gzip": _gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": _xz,
}
