"""Copies inside a directory: blocks are shared where the file system can, else bytes are copied.

Each attempt fills a file of its own, so that one still stuck in the kernel harms no later one.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from stowage_contracts.errors import NotFound
from stowage_contracts.plugins.image_store_driver import CopyAsk

from stowage_stores.directory.tree import PART_MODE, Tree

STEP = 64 << 20
_FICLONE = 0x40049409
_CANNOT = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def refusal(source: str) -> str:
    """Why ``source`` can't be copied here; '' when it can."""
    return "only objects of this directory can be copied" if "://" in source else ""


@dataclass(frozen=True)
class Attempt:
    """One try at one copy. Blocking; on this machine's own files only."""

    tree: Tree
    source: PurePosixPath
    fresh: PurePosixPath
    part: PurePosixPath
    size: int

    @classmethod
    def begin(cls, tree: Tree, ask: CopyAsk) -> "Attempt":
        """Look at the source, make an empty file of its size; raises NotFound."""
        found = tree.stat(ask.source)
        fresh = tree.own / f"{ask.writer}.{secrets.token_hex(4)}.new"
        number = os.open(fresh, _NEW, PART_MODE)
        try:
            os.ftruncate(number, found.size)
        finally:
            os.close(number)
        source = tree.path(ask.source)
        return cls(tree, source, fresh, tree.part(ask.writer), found.size)

    def clone(self) -> bool:
        """Share all blocks; False where the file system can't."""
        with self._open() as (old, new):
            try:
                fcntl.ioctl(new, _FICLONE, old)
            except OSError as error:
                if error.errno in _CANNOT:
                    return False
                raise
        return True

    def copy_from(self, offset: int) -> int:
        """Copy the next bytes that are not a hole, at most 64 MiB; where to go on."""
        left = STEP
        with self._open() as (old, new):
            while left > 0 and offset < self.size:
                begin, end = _data_after(old, offset, self.size)
                count = _copied(old, new, begin, min(left, end - begin)) if begin < end else 0
                if count == 0 and begin < self.size:
                    raise NotFound("the source became shorter", resource=str(self.source))
                offset, left = begin + count, left - count
        return offset

    def keep(self) -> None:
        """Make it the writer's part, durable."""
        self.tree.files.settle(self.fresh, PART_MODE)
        self.tree.files.rename(self.fresh, self.part)
        self.tree.files.sync_folder(self.tree.own)

    def drop(self) -> None:
        """Give it up."""
        with suppress(FileNotFoundError):
            self.tree.files.remove(self.fresh)

    @contextmanager
    def _open(self) -> Iterator[tuple[int, int]]:
        flags = os.O_NOFOLLOW | os.O_CLOEXEC
        old = os.open(self.source, os.O_RDONLY | flags)
        try:
            new = os.open(self.fresh, os.O_RDWR | flags)
            try:
                yield old, new
            finally:
                os.close(new)
        finally:
            os.close(old)


def _data_after(number: int, offset: int, size: int) -> tuple[int, int]:
    """The next bytes that are not a hole; none at the end where only a hole is left."""
    try:
        begin = os.lseek(number, offset, os.SEEK_DATA)
        return begin, min(os.lseek(number, begin, os.SEEK_HOLE), size)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size, size
        raise


def _copied(old: int, new: int, offset: int, length: int) -> int:
    try:
        return os.copy_file_range(old, new, length, offset, offset)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    return os.pwrite(new, os.pread(old, min(length, 1 << 20), offset), offset)
