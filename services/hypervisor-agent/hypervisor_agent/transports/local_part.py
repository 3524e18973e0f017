"""LocalPart: a part in a directory of this machine."""

import os
from pathlib import Path

from stowage_contracts.values import Range

from hypervisor_agent.transports import holes, journal
from hypervisor_agent.transports.descriptor import Descriptor
from hypervisor_agent.transports.direct import Direct

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalPart:
    """Opened, or created in a folder that must be there: without it, the share is not mounted."""

    usable = True

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, path.name
        number = os.open(path, _FLAGS, 0o640)
        self._file, self._direct = Descriptor(number), Direct(number, os.O_RDWR)

    def names(self) -> int:
        """By fstat."""
        with self._file.use() as number:
            return os.fstat(number).st_nlink

    def free(self) -> int:
        """By fstatvfs."""
        with self._file.use() as number:
            room = os.fstatvfs(number)
        return room.f_bavail * room.f_frsize

    def truncate(self, size: int) -> None:
        """By ftruncate."""
        with self._file.use() as number:
            os.ftruncate(number, size)

    def write(self, offset: int, view: memoryview) -> None:
        """Past the page cache, where that can be had."""
        with self._file.use() as number:
            at = self._direct.write(offset, view)
            holes.write_all(number, view[at:], offset + at)

    def punch(self, offset: int, length: int) -> None:
        """A hole, where the file system has them."""
        with self._file.use() as number:
            holes.punch(number, offset, length)

    def read(self, offset: int, view: memoryview) -> None:
        """By preadv."""
        with self._file.use() as number:
            at = 0
            while at < len(view):
                count = os.preadv(number, [view[at:]], offset + at)
                if count == 0:
                    raise OSError(5, "the part is shorter than its journal")
                at += count

    def sync(self) -> None:
        """By fdatasync; what is on the disk need not stay in memory."""
        with self._file.use() as number:
            os.fdatasync(number)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)

    def load(self, size: int, validator: str) -> tuple[Range, ...]:
        """From the sidecar."""
        return journal.load(self._path, size, validator)

    def save(self, record: journal.Record) -> None:
        """Into the sidecar."""
        journal.save(self._path, record)

    def forget(self) -> None:
        """The sidecar."""
        journal.forget(self._path)

    def delete(self) -> None:
        """With the sidecar."""
        journal.drop(self._path)

    def give_up(self) -> None:
        """Only the kernel could."""

    def close(self) -> None:
        """By the last thread that uses it."""
        self._file.close()
        self._direct.close()
