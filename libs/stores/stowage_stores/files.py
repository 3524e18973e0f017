"""Files: the few file system calls a store is made of, so that its tree need not be local."""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Found:
    """What a file system says of one name."""

    mode: int
    size: int
    inode: int
    device: int
    modified_ns: int

    @property
    def is_file(self) -> bool:
        """A plain file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """A directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """A symbolic link."""
        return stat.S_ISLNK(self.mode)

    def same(self, other: "Found") -> bool:
        """Whether both are names of one file."""
        return (self.inode, self.device) == (other.inode, other.device)


class Files(Protocol):
    """Blocking calls on absolute paths; every one raises OSError with an errno."""

    def stat(self, path: PurePosixPath, *, follow: bool = False) -> Found:
        """Of a symbolic link itself, unless it is to be followed."""
        ...

    def entries(self, folder: PurePosixPath) -> list[tuple[str, Found]]:
        """Names in a folder but ``.`` and ``..``, in any order."""
        ...

    def is_mount(self, path: PurePosixPath) -> bool:
        """Whether another file system begins there."""
        ...

    def room(self, path: PurePosixPath) -> tuple[int, int]:
        """Bytes in all, and bytes free to the caller."""
        ...

    def make_folder(self, path: PurePosixPath, mode: int) -> None:
        """Exactly this mode whatever the umask, but keep an inherited set-group-id bit."""
        ...

    def remove_folder(self, path: PurePosixPath) -> None:
        """An empty one."""
        ...

    def touch(self, path: PurePosixPath, mode: int) -> None:
        """Create an empty file where there is none; exactly this mode where it is ours."""
        ...

    def settle(self, path: PurePosixPath, mode: int) -> Found:
        """Make a file's bytes durable; exactly this mode where it is ours."""
        ...

    def read(self, path: PurePosixPath, most: int) -> bytes:
        """The first ``most`` bytes."""
        ...

    def write(self, path: PurePosixPath, data: bytes, mode: int) -> None:
        """A new file, durable; FileExistsError where there is one."""
        ...

    def link(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """A second name; FileExistsError where it is taken."""
        ...

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Replaces what has the new name."""
        ...

    def remove(self, path: PurePosixPath) -> None:
        """A file's name."""
        ...

    def sync_folder(self, path: PurePosixPath) -> None:
        """Make the names in a folder durable."""
        ...


class OsFiles:
    """Files of this machine, mounted ones too."""

    def stat(self, path: PurePosixPath, *, follow: bool = False) -> Found:
        """By lstat or stat."""
        return _found(Path(path).stat(follow_symlinks=follow))

    def entries(self, folder: PurePosixPath) -> list[tuple[str, Found]]:
        """What vanishes meanwhile is left out."""
        rows = []
        with os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    rows.append((entry.name, _found(entry.stat(follow_symlinks=False))))
        return rows

    def is_mount(self, path: PurePosixPath) -> bool:
        """As the kernel tells."""
        return Path(path).is_mount()

    def room(self, path: PurePosixPath) -> tuple[int, int]:
        """By statvfs."""
        found = os.statvfs(path)
        return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize

    def make_folder(self, path: PurePosixPath, mode: int) -> None:
        """By mkdir and chmod."""
        folder = Path(path)
        folder.mkdir(mode)
        folder.chmod(mode | (folder.stat().st_mode & stat.S_ISGID))

    def remove_folder(self, path: PurePosixPath) -> None:
        """By rmdir."""
        Path(path).rmdir()

    def touch(self, path: PurePosixPath, mode: int) -> None:
        """By open."""
        number = os.open(path, _OLD | os.O_CREAT, mode)
        try:
            _set_mode(number, mode)
        finally:
            os.close(number)

    def settle(self, path: PurePosixPath, mode: int) -> Found:
        """By fsync."""
        number = os.open(path, _OLD)
        try:
            _set_mode(number, mode)
            os.fsync(number)
            return _found(os.fstat(number))
        finally:
            os.close(number)

    def read(self, path: PurePosixPath, most: int) -> bytes:
        """A short file is short."""
        with Path(path).open("rb") as file:
            return file.read(most)

    def write(self, path: PurePosixPath, data: bytes, mode: int) -> None:
        """Synced before it is closed."""
        number = os.open(path, _NEW, mode)
        try:
            at = 0
            while at < len(data):
                at += os.write(number, data[at:])
            os.fsync(number)
        finally:
            os.close(number)

    def link(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """A hard link."""
        os.link(old, new, follow_symlinks=False)

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """By rename(2)."""
        Path(old).replace(new)

    def remove(self, path: PurePosixPath) -> None:
        """By unlink."""
        Path(path).unlink()

    def sync_folder(self, path: PurePosixPath) -> None:
        """By fsync of the folder."""
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _found(told: os.stat_result) -> Found:
    return Found(told.st_mode, told.st_size, told.st_ino, told.st_dev, told.st_mtime_ns)


def _set_mode(number: int, mode: int) -> None:
    if os.fstat(number).st_uid == os.geteuid():
        os.fchmod(number, mode)
