"""NfsFiles: Files on an export, without the kernel."""

import ctypes
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_void_p
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from stowage_stores.files import Found
from stowage_stores.nfs.connecting import LOST, alive, connect, lost
from stowage_stores.nfs.layouts import Entry, Room, Stat
from stowage_stores.nfs.libnfs import Connection
from stowage_stores.nfs.url import NfsUrl

T = TypeVar("T")
_TRUST_SECONDS = 1.0
"""A connection unused for longer is tried before it is used: its server may have restarted."""
_DOTS = (b".", b"..")


@dataclass(frozen=True)
class _Idle:
    connection: Connection
    since: float


class NfsFiles:
    """Paths are absolute within the export. Any number of threads; each call has a connection."""

    def __init__(self, url: NfsUrl, seconds: float) -> None:
        self._url, self._seconds = url, seconds
        self._idle: deque[_Idle] = deque()

    def stat(self, path: PurePosixPath, *, follow: bool = False) -> Found:
        """Links are followed as far as the export reaches."""
        found = Stat()
        name = "nfs_stat64" if follow else "nfs_lstat64"
        self._do(lambda nfs: nfs.call(name, bytes(path), ctypes.byref(found)))
        return _found(found)

    def entries(self, folder: PurePosixPath) -> list[tuple[str, Found]]:
        """With what READDIRPLUS told of each."""
        rows = self._do(lambda nfs: nfs.entries(bytes(folder)))
        return [(os.fsdecode(name), _listed(row)) for name, row in rows if name not in _DOTS]

    def is_mount(self, path: PurePosixPath) -> bool:
        """Nothing can be below an export that is not mounted."""
        return True

    def room(self, path: PurePosixPath) -> tuple[int, int]:
        """By FSSTAT."""
        found = Room()
        self._do(lambda nfs: nfs.call("nfs_statvfs64", bytes(path), ctypes.byref(found)))
        return found.blocks * found.frsize, found.bavail * found.frsize

    def make_folder(self, path: PurePosixPath, mode: int) -> None:
        """By MKDIR, and SETATTR for an inherited set-group-id bit."""

        def work(nfs: Connection) -> None:
            found = Stat()
            nfs.call("nfs_mkdir2", bytes(path), mode)
            nfs.call("nfs_lstat64", bytes(path), ctypes.byref(found))
            wanted = mode | (found.mode & stat.S_ISGID)
            if stat.S_IMODE(found.mode) != wanted:
                nfs.call("nfs_chmod", bytes(path), wanted)

        self._do(work)

    def remove_folder(self, path: PurePosixPath) -> None:
        """By RMDIR."""
        self._do(lambda nfs: nfs.call("nfs_rmdir", bytes(path)))

    def touch(self, path: PurePosixPath, mode: int) -> None:
        """Never by a CREATE of what is there: that would change it."""

        def work(nfs: Connection) -> None:
            try:
                with nfs.opened(bytes(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode) as new:
                    self._set_mode(nfs, new, mode)
            except FileExistsError:
                with nfs.opened(bytes(path), os.O_RDWR) as old:
                    self._set_mode(nfs, old, mode)

        self._do(work)

    def settle(self, path: PurePosixPath, mode: int) -> Found:
        """By COMMIT of the whole file."""

        def work(nfs: Connection) -> Found:
            with nfs.opened(bytes(path), os.O_RDWR) as file:
                self._set_mode(nfs, file, mode)
                nfs.call("nfs_fsync", file)
                return _found(_status(nfs, file))

        return self._do(work)

    def read(self, path: PurePosixPath, most: int) -> bytes:
        """A short file is short."""

        def work(nfs: Connection) -> bytes:
            buffer = bytearray(most)
            with nfs.opened(bytes(path), os.O_RDONLY) as file:
                count = nfs.read(file, 0, memoryview(buffer))
            return bytes(buffer[:count])

        return self._do(work)

    def write(self, path: PurePosixPath, data: bytes, mode: int) -> None:
        """Committed before it is closed."""

        def work(nfs: Connection) -> None:
            with nfs.opened(bytes(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode) as file:
                nfs.write(file, 0, memoryview(bytearray(data)))
                nfs.call("nfs_fsync", file)

        self._do(work)

    def link(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """By LINK."""
        self._do(lambda nfs: nfs.call("nfs_link", bytes(old), bytes(new)))

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """By RENAME."""
        self._do(lambda nfs: nfs.call("nfs_rename", bytes(old), bytes(new)))

    def remove(self, path: PurePosixPath) -> None:
        """By REMOVE."""
        self._do(lambda nfs: nfs.call("nfs_unlink", bytes(path)))

    def sync_folder(self, path: PurePosixPath) -> None:
        """Nothing: a server answers for a name only when it is durable."""

    def close(self) -> None:
        """Drop connections nobody uses."""
        while self._idle:
            self._idle.pop().connection.close()

    def _set_mode(self, nfs: Connection, file: c_void_p, mode: int) -> None:
        found = _status(nfs, file)
        owner = os.geteuid() if self._url.uid is None else self._url.uid
        if found.uid == owner and stat.S_IMODE(found.mode) != mode:
            nfs.call("nfs_fchmod", file, mode)

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._connection() as nfs:
            return work(nfs)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        nfs = self._take()
        keep = False
        try:
            yield nfs
            keep = True
        except OSError as error:
            if error.errno in LOST:
                raise lost(error, self._url) from error
            keep = True
            raise
        finally:
            if keep:
                self._idle.append(_Idle(nfs, time.monotonic()))
            else:
                nfs.close()

    def _take(self) -> Connection:
        while self._idle:
            try:
                found = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if time.monotonic() - found.since < _TRUST_SECONDS or alive(found.connection):
                return found.connection
            found.connection.close()
        return connect(self._url, self._seconds)


def _status(nfs: Connection, file: c_void_p) -> Stat:
    found = Stat()
    nfs.call("nfs_fstat64", file, ctypes.byref(found))
    return found


def _found(told: Stat) -> Found:
    changed = told.mtime * 10**9 + told.mtime_nsec
    return Found(told.mode, told.size, told.ino, told.dev, changed)


def _listed(told: Entry) -> Found:
    changed = told.mtime.seconds * 10**9 + told.mtime_nsec
    return Found(told.mode, told.size, told.ino, told.dev, changed)
