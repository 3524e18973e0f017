"""Compressed streams of one file, as the usual programs write them and as they should not."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def zip_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as Python writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def streamed_zip(data: bytes) -> bytes:
    """A zip whose header knows no sizes, as one written to a pipe."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("disk.raw", data)
    return pipe.getvalue()


def zip64(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with the fields for large files."""
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("disk.raw")
    info.compress_type = method
    with zipfile.ZipFile(buffer, "w") as archive, archive.open(info, "w", force_zip64=True) as out:
        out.write(data)
    return buffer.getvalue()


def linked_zip() -> bytes:
    """A zip of a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("disk.raw")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: zip_of(("disk.raw", data)),
}
"""By the name the gate gives each."""
