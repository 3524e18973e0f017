"""Tree: where things lie below a store's root, and the few safe ways to touch them."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.keys import RESERVED, check_key, check_writer, is_key
from stowage_contracts.plugins.image_store_driver import ObjectStat

from stowage_stores.files import Files, Found, OsFiles

FOLDER_MODE, PART_MODE, OBJECT_MODE = 0o770, 0o660, 0o640
PROBE = "probe-"
"""What the names of a probe's own files begin with."""
_FOREIGN = ("lost+found",)


@dataclass(frozen=True)
class Tree:
    """Paths of one store. Blocking; called in threads only."""

    root: PurePosixPath
    mounted: bool = False
    files: Files = field(default_factory=OsFiles)

    @property
    def own(self) -> PurePosixPath:
        """The folder of parts and markers."""
        return self.root / RESERVED

    def part(self, writer: str) -> PurePosixPath:
        """Temporary destination of a writer."""
        return self.own / f"{check_writer(writer)}.part"

    def note_of_key(self, writer: str) -> PurePosixPath:
        """Tells which key a part is meant for."""
        return self.own / f"{check_writer(writer)}.part.key"

    def journal(self, writer: str) -> PurePosixPath:
        """The agent's sidecar of a part."""
        return self.own / f"{check_writer(writer)}.part.journal"

    def marker(self, writer: str) -> PurePosixPath:
        """Tells, after a lost reply, that this writer's commit was done."""
        return self.own / f"{check_writer(writer)}.done"

    def path(self, key: str) -> PurePosixPath:
        """Where ``key`` lies; raises InvalidInput when a symbolic link stands in the way."""
        path = self.root
        there = True
        for name in check_key(key).split("/"):
            path = path / name
            there = there and self._is_there(path, key)
        return path

    def _is_there(self, path: PurePosixPath, key: str) -> bool:
        try:
            link = self.files.stat(path).is_link
        except (FileNotFoundError, NotADirectoryError):
            return False
        if link:
            raise InvalidInput("the key passes a symbolic link", resource=key, code="key")
        return True

    def check_root(self) -> None:
        """Raises FileNotFoundError or NotADirectoryError where the root is not what it must be."""
        if not self.files.stat(self.root, follow=True).is_folder:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if self.mounted and not self.files.is_mount(self.root):
            raise FileNotFoundError(errno.ENOENT, "nothing is mounted there")

    def stat(self, key: str) -> ObjectStat:
        """Raises NotFound."""
        try:
            found = self.files.stat(self.path(key))
        except (FileNotFoundError, NotADirectoryError):
            self.check_root()
            raise NotFound("no such object", resource=key) from None
        if not found.is_file:
            raise NotFound("a directory, not an object", resource=key)
        return described(key, found)

    def make_folder(self, folder: PurePosixPath) -> None:
        """Create ``folder`` and what lacks above it, down from the root; each made durable."""
        if folder == self.root or self._is_folder(folder):
            return
        self.make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            self.files.make_folder(folder, FOLDER_MODE)
            self.files.sync_folder(folder.parent)

    def _is_folder(self, path: PurePosixPath) -> bool:
        try:
            return self.files.stat(path, follow=True).is_folder
        except (FileNotFoundError, NotADirectoryError):
            return False

    def remove(self, key: str) -> None:
        """Delete an object and the folders it leaves empty."""
        path = self.path(key)
        try:
            self.files.remove(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self.check_root()
            return
        self.files.sync_folder(path.parent)
        self.prune(path.parent, self.root)

    def prune(self, folder: PurePosixPath, top: PurePosixPath) -> None:
        """Remove ``folder`` and those above it, up to ``top``, as far as they are empty."""
        while folder != top and self._removed(folder):
            folder = folder.parent

    def _removed(self, folder: PurePosixPath) -> bool:
        try:
            self.files.remove_folder(folder)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                return False
            raise
        return True

    def walk(self, prefix: str) -> Iterator[ObjectStat]:
        """Objects whose key starts with ``prefix``, in the order of their keys' bytes."""
        base = prefix.rpartition("/")[0]
        try:
            folder = self.path(base) if base else self.root
        except InvalidInput:
            return
        for found in self._walk(folder, f"{base}/" if base else ""):
            if found.key.startswith(prefix):
                yield found

    def _walk(self, folder: PurePosixPath, name: str) -> Iterator[ObjectStat]:
        for entry, found in self._entries(folder):
            key = name + entry
            if found.is_folder:
                if name or entry not in (RESERVED, *_FOREIGN):
                    yield from self._walk(folder / entry, f"{key}/")
            elif found.is_file and is_key(key):
                yield described(key, found)

    def _entries(self, folder: PurePosixPath) -> list[tuple[str, Found]]:
        try:
            found = self.files.entries(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=lambda row: os.fsencode(row[0]) + b"/" * row[1].is_folder)


def described(key: str, found: Found) -> ObjectStat:
    """The object a stat result tells of; its validator changes with every rewrite."""
    validator = f'"{found.inode:x}-{found.size:x}-{found.modified_ns:x}"'
    return ObjectStat(key=key, size=found.size, validator=validator)
