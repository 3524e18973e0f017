"""Debian's libnfs by ctypes: one connection to one export, for one thread at a time."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_uint64, c_void_p
from functools import cache

from stowage_contracts.errors import Unavailable

from stowage_stores.nfs.layouts import Entry, Room, Stat

SONAMES = ("libnfs.so.13", "libnfs.so.14")
"""libnfs 4 and 5, whose calls and structures are the same; 6 has others."""
CHUNK = 2 * 1024 * 1024
"""Bytes of one read or write: libnfs keeps a copy of them, and asks for all of them at once."""


_SIGNATURES = {
    "nfs_init_context": (c_void_p, ()),
    "nfs_destroy_context": (None, ()),
    "nfs_get_fd": (c_int, ()),
    "nfs_parse_url_incomplete": (c_void_p, (c_char_p,)),
    "nfs_set_timeout": (None, (c_int,)),
    "nfs_umask": (ctypes.c_uint16, (ctypes.c_uint16,)),
    "nfs_mount": (c_int, (c_char_p, c_char_p)),
    "nfs_stat64": (c_int, (c_char_p, POINTER(Stat))),
    "nfs_lstat64": (c_int, (c_char_p, POINTER(Stat))),
    "nfs_fstat64": (c_int, (c_void_p, POINTER(Stat))),
    "nfs_statvfs64": (c_int, (c_char_p, POINTER(Room))),
    "nfs_opendir": (c_int, (c_char_p, POINTER(c_void_p))),
    "nfs_readdir": (POINTER(Entry), (c_void_p,)),
    "nfs_closedir": (None, (c_void_p,)),
    "nfs_open2": (c_int, (c_char_p, c_int, c_int, POINTER(c_void_p))),
    "nfs_close": (c_int, (c_void_p,)),
    "nfs_pread": (c_int, (c_void_p, c_uint64, c_uint64, c_void_p)),
    "nfs_pwrite": (c_int, (c_void_p, c_uint64, c_uint64, c_void_p)),
    "nfs_fsync": (c_int, (c_void_p,)),
    "nfs_ftruncate": (c_int, (c_void_p, c_uint64)),
    "nfs_fchmod": (c_int, (c_void_p, c_int)),
    "nfs_chmod": (c_int, (c_char_p, c_int)),
    "nfs_mkdir2": (c_int, (c_char_p, c_int)),
    "nfs_rmdir": (c_int, (c_char_p,)),
    "nfs_unlink": (c_int, (c_char_p,)),
    "nfs_link": (c_int, (c_char_p, c_char_p)),
    "nfs_rename": (c_int, (c_char_p, c_char_p)),
}


@cache
def library() -> ctypes.CDLL:
    """libnfs with typed calls; raises Unavailable (no_libnfs) where it is not installed."""
    found = next(filter(None, map(_loaded, SONAMES)), None)
    if found is None:
        raise Unavailable(
            "libnfs is not installed",
            code="no_libnfs",
            hint="install Debian's libnfs13 (or libnfs14), or mount the export",
        )
    for name, (result, arguments) in _SIGNATURES.items():
        call = getattr(found, name)
        call.restype, call.argtypes = result, (c_void_p, *arguments)
    found.nfs_init_context.argtypes = ()
    return found


def _loaded(soname: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(soname)
    except OSError:
        return None


class Connection:
    """A context of libnfs. Calls raise OSError; a lost connection is never opened again."""

    def __init__(self, options: str, milliseconds: int) -> None:
        self._context = None
        self._lib = library()
        self._context = self._lib.nfs_init_context()
        self._lib.nfs_parse_url_incomplete(self._context, f"nfs://none/?{options}".encode())
        self._lib.nfs_set_timeout(self._context, milliseconds)
        self._lib.nfs_umask(self._context, 0)

    def call(self, name: str, *arguments: object) -> int:
        """Any of the calls above that answers an int."""
        done: int = getattr(self._lib, name)(self._context, *arguments)
        if done < 0:
            raise OSError(-done, os.strerror(-done))
        return done

    @property
    def fileno(self) -> int:
        """The socket."""
        return int(self._lib.nfs_get_fd(self._context))

    @contextmanager
    def opened(self, path: bytes, flags: int, mode: int = 0) -> Iterator[c_void_p]:
        """A file; symbolic links are not followed."""
        handle = self.open(path, flags, mode)
        try:
            yield handle
        finally:
            self.call("nfs_close", handle)

    def open(self, path: bytes, flags: int, mode: int = 0) -> c_void_p:
        """As ``opened``, to be closed by ``nfs_close``."""
        handle = c_void_p()
        self.call("nfs_open2", path, flags | os.O_NOFOLLOW, mode, ctypes.byref(handle))
        return handle

    def read(self, file: c_void_p, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer``; answers less than its length at the end of the file only."""
        return self._all("nfs_pread", file, offset, buffer)

    def write(self, file: c_void_p, offset: int, buffer: memoryview) -> None:
        """All of a writable ``buffer``; durable after ``nfs_fsync`` on this same connection."""
        if self._all("nfs_pwrite", file, offset, buffer) < len(buffer):
            raise OSError(errno.EIO, "the server takes no more bytes")

    def _all(self, name: str, file: c_void_p, offset: int, buffer: memoryview) -> int:
        if not buffer:
            return 0
        start, at = ctypes.addressof(ctypes.c_char.from_buffer(buffer)), 0
        while at < len(buffer):
            try:
                done = self.call(name, file, offset + at, min(CHUNK, len(buffer) - at), start + at)
            except OSError as error:
                if error.errno != errno.EFAULT:
                    raise
                raise self._told(file, len(buffer)) from error
            if not done:
                break
            at += done
        return at

    def _told(self, file: c_void_p, wanted: int) -> OSError:
        """What libnfs hides behind EFAULT when it reads or writes; raises what it then meets."""
        room = Room()
        self.call("nfs_fstat64", file, ctypes.byref(Stat()))
        self.call("nfs_statvfs64", b"/", ctypes.byref(room))
        code = errno.ENOSPC if room.bavail * room.frsize < wanted else errno.EIO
        return OSError(code, os.strerror(code))

    def entries(self, path: bytes) -> list[tuple[bytes, Entry]]:
        """All names of a folder, ``.`` and ``..`` too."""
        folder = c_void_p()
        self.call("nfs_opendir", path, ctypes.byref(folder))
        rows = []
        try:
            while entry := self._lib.nfs_readdir(self._context, folder):
                row = Entry.from_buffer_copy(entry.contents)
                rows.append((bytes(row.name), row))
        finally:
            self._lib.nfs_closedir(self._context, folder)
        return rows

    def close(self) -> None:
        """Drop the connection; idempotent."""
        context, self._context = self._context, None
        if context:
            self._lib.nfs_destroy_context(context)

    def __del__(self) -> None:
        """One that was opened after its waiter had left is nobody's to close."""
        self.close()
