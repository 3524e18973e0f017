"""Compressed streams are unpacked piece by piece, and only within their limits."""

import bz2
import gzip
import lzma
import os
import zipfile

import pytest
from hypervisor_agent.gate.archives import Limits, Refused, compression_of, unpacker

from tests.images.packed import PACKERS, linked_zip, streamed_zip, zip64, zip_of

MIB = 1 << 20
DATA = os.urandom(100_000) + b"\0" * 300_000 + b"tail" * 5000
PLENTY = Limits(max_bytes=1 << 40)


def unpacked(data: bytes, limits: Limits = PLENTY, step: int = 65536) -> bytes:
    """What it unpacks to."""
    unpack = unpacker(compression_of(data), limits)
    pieces = [p for at in range(0, len(data), step) for p in unpack.feed(data[at : at + step])]
    unpack.finish()
    assert max(map(len, pieces), default=0) <= 256 * 1024
    return b"".join(pieces)


HONEST: dict[str, bytes] = {
    "gzip": gzip.compress(DATA),
    "gzip of two members": gzip.compress(DATA[:500]) + gzip.compress(DATA[500:]),
    "gzip with zeros after it": gzip.compress(DATA) + b"\0" * 1000,
    "bzip2": bz2.compress(DATA),
    "bzip2 of two streams": bz2.compress(DATA[:500]) + bz2.compress(DATA[500:]),
    "xz": lzma.compress(DATA),
    "xz of nine": lzma.compress(DATA, preset=9),
    "xz of two streams": lzma.compress(DATA[:500]) + b"\0" * 8 + lzma.compress(DATA[500:]),
    "zip": zip_of(("disk.raw", DATA)),
    "zip stored": zip_of(("disk.raw", DATA), method=zipfile.ZIP_STORED),
    "zip in a folder": zip_of(("images/disk.raw", DATA)),
    "zip from a pipe": streamed_zip(DATA),
    "zip of 64 bits": zip64(DATA),
    "zip of 64 bits stored": zip64(DATA, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("step", [7, 4096, MIB])
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_stream_comes_out_as_it_went_in(name: str, step: int) -> None:
    assert unpacked(HONEST[name], step=step) == DATA


def test_other_bytes_are_of_no_compression() -> None:
    assert [compression_of(data) for data in (b"", b"QFI\xfb", b"BZh9", b"PK\5\6")] == [""] * 4


REFUSED: dict[str, tuple[str, bytes]] = {
    "gzip cut short": ("truncated", gzip.compress(DATA)[:-1]),
    "gzip with a wrong sum": ("archive", gzip.compress(DATA)[:-8] + b"\1" * 8),
    "gzip with something after it": ("archive", gzip.compress(DATA) + b"QFI\xfb"),
    "bzip2 cut short": ("truncated", bz2.compress(DATA)[:-1]),
    "bzip2 broken": ("archive", bz2.compress(DATA)[:500] + b"\xff" * 500),
    "xz cut short": ("truncated", lzma.compress(DATA)[:-1]),
    "xz with something after it": ("archive", lzma.compress(DATA) + b"x" * 32),
    "xz that wants too much memory": (
        "archive",
        lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]),
    ),
    "zip of two files": ("archive", zip_of(("a", DATA), ("b", DATA))),
    "zip of many files": ("archive", zip_of(*((str(n), b"x" * 9000) for n in range(200)))),
    "zip cut short": ("truncated", zip_of(("disk.raw", DATA))[:-40]),
    "zip upwards": ("archive_path", zip_of(("../../etc/passwd", DATA))),
    "zip absolute": ("archive_path", zip_of(("/etc/passwd", DATA))),
    "zip with a backslash": ("archive_path", zip_of(("..\\disk", DATA))),
    "zip of a drive": ("archive_path", zip_of(("C:disk", DATA))),
    "zip of a folder": ("archive_path", zip_of(("folder/", b""))),
    "zip of a link": ("archive_link", linked_zip()),
    "zip of another method": ("archive", zip_of(("disk.raw", DATA), method=zipfile.ZIP_LZMA)),
    "zip encrypted": ("encrypted", b"PK\3\4\x14\0\1\0" + zip_of(("disk.raw", DATA))[8:]),
    "zip with a wrong sum": (
        "archive",
        zip_of(("disk.raw", b"first"), method=zipfile.ZIP_STORED).replace(b"first", b"other"),
    ),
    "zip whose names differ": ("archive", zip_of(("a.raw", DATA)).replace(b"a.raw", b"b.raw", 1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_dishonest_stream_is_refused(name: str) -> None:
    code, data = REFUSED[name]
    with pytest.raises(Refused) as caught:
        unpacked(data)
    assert caught.value.code == f"image.{code}", caught.value


@pytest.mark.parametrize("kind", PACKERS)
def test_a_bomb_is_refused_before_it_is_unpacked(kind: str) -> None:
    data = PACKERS[kind](b"\0" * (64 * MIB))
    with pytest.raises(Refused) as caught:
        unpacked(data, Limits(max_bytes=1 << 40, ratio=100))
    assert caught.value.code == "image.bomb"


@pytest.mark.parametrize("kind", PACKERS)
def test_more_than_is_allowed_is_refused(kind: str) -> None:
    with pytest.raises(Refused) as caught:
        unpacked(PACKERS[kind](DATA), Limits(max_bytes=len(DATA) - 1))
    assert caught.value.code == "image.too_large"
