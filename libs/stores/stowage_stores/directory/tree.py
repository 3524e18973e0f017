"""Tree: where things lie below a store's root, and the few safe ways to touch them."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.keys import RESERVED, check_key, check_writer, is_key
from stowage_contracts.plugins.image_store_driver import ObjectStat

FOLDER_MODE, PART_MODE, OBJECT_MODE = 0o770, 0o660, 0o640
_FOREIGN = ("lost+found",)


@dataclass(frozen=True)
class Tree:
    """Paths of one store. Blocking; called in threads only."""

    root: Path
    mounted: bool = False

    @property
    def own(self) -> Path:
        """The folder of parts and markers."""
        return self.root / RESERVED

    def part(self, writer: str) -> Path:
        """Temporary destination of a writer."""
        return self.own / f"{check_writer(writer)}.part"

    def journal(self, writer: str) -> Path:
        """The agent's sidecar of a part."""
        return self.own / f"{check_writer(writer)}.part.journal"

    def marker(self, writer: str) -> Path:
        """Tells, after a lost reply, that this writer's commit was done."""
        return self.own / f"{check_writer(writer)}.done"

    def path(self, key: str) -> Path:
        """Where ``key`` lies; raises InvalidInput when a symbolic link stands in the way."""
        path = self.root
        for name in check_key(key).split("/"):
            path = path / name
            if path.is_symlink():
                raise InvalidInput("the key passes a symbolic link", resource=key, code="key")
        return path

    def check_root(self) -> None:
        """Raises FileNotFoundError or NotADirectoryError where the root is not what it must be."""
        if not stat.S_ISDIR(self.root.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if self.mounted and not self.root.is_mount():
            raise FileNotFoundError(errno.ENOENT, "nothing is mounted there")

    def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        try:
            found = self.path(key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            self.check_root()
            raise NotFound("no such object", resource=key) from None
        if not stat.S_ISREG(found.st_mode):
            raise NotFound("a directory, not an object", resource=key)
        return described(key, found)

    def make_folder(self, folder: Path) -> None:
        """Create ``folder`` and what lacks above it, down from the root; each made durable."""
        if folder == self.root or folder.is_dir():
            return
        self.make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=FOLDER_MODE)
            folder.chmod(FOLDER_MODE | (folder.stat().st_mode & stat.S_ISGID))
            sync_folder(folder.parent)

    def remove(self, key: str) -> None:
        """Delete an object and the folders it leaves empty."""
        path = self.path(key)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self.check_root()
            return
        sync_folder(path.parent)
        for folder in path.parents:
            if folder == self.root or not _removed(folder):
                return

    def walk(self, prefix: str) -> Iterator[ObjectStat]:
        """Objects whose key starts with ``prefix``, in the order of their keys' bytes."""
        base = prefix.rpartition("/")[0]
        try:
            folder = self.path(base) if base else self.root
        except InvalidInput:
            return
        for found in _walk(folder, f"{base}/" if base else ""):
            if found.key.startswith(prefix):
                yield found


def described(key: str, found: os.stat_result) -> ObjectStat:
    """The object a stat result tells of; its validator changes with every rewrite."""
    validator = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
    return ObjectStat(key=key, size=found.st_size, validator=validator)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            return False
        raise
    return True


def _walk(folder: Path, name: str) -> Iterator[ObjectStat]:
    for order, entry in _entries(folder):
        key = name + entry.name
        if order.endswith(b"/"):
            if name or entry.name not in (RESERVED, *_FOREIGN):
                yield from _walk(folder / entry.name, f"{key}/")
        elif entry.is_file(follow_symlinks=False) and is_key(key):
            with contextlib.suppress(FileNotFoundError):  # deleted while listing
                yield described(key, entry.stat(follow_symlinks=False))


def _entries(folder: Path) -> list[tuple[bytes, "os.DirEntry[str]"]]:
    try:
        with os.scandir(folder) as found:
            return sorted(
                (
                    (os.fsencode(entry.name) + b"/" * entry.is_dir(follow_symlinks=False), entry)
                    for entry in found
                ),
                key=lambda row: row[0],
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
