"""NfsPart: a part on an NFS export."""

import ctypes
import os
from pathlib import PurePosixPath

from stowage_contracts.errors import GrantRefused
from stowage_contracts.values import Range
from stowage_stores.nfs.files import NfsFiles
from stowage_stores.nfs.layouts import Room, Stat
from stowage_stores.nfs.url import NfsUrl

from hypervisor_agent.transports import journal
from hypervisor_agent.transports.nfs_handles import NfsHandles

_ZEROS = bytearray(1024 * 1024)
_JOURNAL_BYTES = 16 * 1024 * 1024
_JOURNAL_MODE = 0o640


class NfsPart:
    """Opened, never created: its store's driver made it, and took it away when it was revoked."""

    def __init__(self, url: NfsUrl, seconds: float, connections: int) -> None:
        self._path = PurePosixPath(os.fsdecode(url.path))
        self.name = self._path.name
        self._files = NfsFiles(url, seconds)
        self._handles = NfsHandles(url, os.O_RDWR, seconds)
        try:
            self._handles.dial(connections)
        except FileNotFoundError:
            raise GrantRefused("the part is gone", resource=self.name, code="gone") from None
        except BaseException:
            self._handles.close()
            raise
        self._handles.redial = False

    @property
    def usable(self) -> bool:
        """Until a connection is lost: what was written on it may be lost as well."""
        return self._handles.usable

    def names(self) -> int:
        """By GETATTR; 0 when it was removed."""
        found = Stat()
        with self._handles.use() as (nfs, _):
            try:
                nfs.call("nfs_lstat64", bytes(self._path), ctypes.byref(found))
            except FileNotFoundError:
                return 0
        return int(found.nlink)

    def free(self) -> int:
        """By FSSTAT."""
        found = Room()
        with self._handles.use() as (nfs, _):
            nfs.call("nfs_statvfs64", b"/", ctypes.byref(found))
        return int(found.bavail * found.frsize)

    def truncate(self, size: int) -> None:
        """By SETATTR."""
        with self._handles.use() as (nfs, file):
            nfs.call("nfs_ftruncate", file, size)

    def write(self, offset: int, view: memoryview) -> None:
        """By WRITE, unstable until ``sync``."""
        with self._handles.use() as (nfs, file):
            nfs.write(file, offset, view)

    def punch(self, offset: int, length: int) -> None:
        """By zeros: NFS 3 has no holes to punch."""
        with self._handles.use() as (nfs, file):
            for at in range(0, length, len(_ZEROS)):
                nfs.write(file, offset + at, memoryview(_ZEROS)[: length - at])

    def read(self, offset: int, view: memoryview) -> None:
        """By READ."""
        with self._handles.use() as (nfs, file):
            if nfs.read(file, offset, view) < len(view):
                raise OSError(5, "the part is shorter than its journal")

    def sync(self) -> None:
        """By COMMIT, which is of the whole file, whatever connection wrote to it."""
        with self._handles.use() as (nfs, file):
            nfs.call("nfs_fsync", file)

    def load(self, size: int, validator: str) -> tuple[Range, ...]:
        """From the sidecar."""
        try:
            text = self._files.read(self._sidecar, _JOURNAL_BYTES)
        except FileNotFoundError:
            return ()
        wanted = journal.Record(size=size, validator=validator)
        return journal.trusted(text, wanted, self.name)

    def save(self, record: journal.Record) -> None:
        """Into the sidecar."""
        self._remove(self._unfinished)
        self._files.write(self._unfinished, record.model_dump_json().encode(), _JOURNAL_MODE)
        self._files.rename(self._unfinished, self._sidecar)

    def forget(self) -> None:
        """The sidecar."""
        self._remove(self._sidecar)
        self._remove(self._unfinished)

    def delete(self) -> None:
        """With the sidecar."""
        self._remove(self._path)
        self.forget()

    def give_up(self) -> None:
        """Its threads are woken."""
        self._handles.give_up()

    def close(self) -> None:
        """Connections in use are closed by their users."""
        self._handles.close()
        self._files.close()

    @property
    def _sidecar(self) -> PurePosixPath:
        return self._path.with_name(f"{self.name}.journal")

    @property
    def _unfinished(self) -> PurePosixPath:
        return self._path.with_name(f"{self.name}.new")

    def _remove(self, path: PurePosixPath) -> None:
        try:
            self._files.remove(path)
        except FileNotFoundError:
            return
