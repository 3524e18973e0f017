"""Proves by doing that a directory can serve as a store."""

import contextlib
import errno
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from stowage_stores.directory import notes
from stowage_stores.directory.tree import PART_MODE, PROBE, Tree
from stowage_stores.files import Found

_MARKER_SECONDS = 30 * 86400
_CRASHED_SECONDS = 3600
_BYTES = 64 * 1024


@dataclass(frozen=True)
class Probe:
    """One probe; its files are named so that a crashed one is swept by the next."""

    tree: Tree
    bytes: bytes = field(default_factory=lambda: secrets.token_bytes(_BYTES))
    name: str = field(default_factory=lambda: f"{PROBE}{secrets.token_hex(8)}")

    def steps(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        """Name and work of each check, in order; work raises OSError."""
        return (
            ("root", self.tree.check_root),
            ("write", self._write),
            ("read", self._read),
            ("commit", self._commit),
            ("list", self._list),
            ("note", self._note),
            ("delete", self._delete),
        )

    def sweep(self) -> None:
        """Remove what this probe, or a crashed one, left; old commit markers too."""
        files, own = self.tree.files, self.tree.own
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for name, found in files.entries(own):
                if name.startswith(f"{self.name}.") or _stale(PurePosixPath(name), found):
                    with contextlib.suppress(FileNotFoundError):
                        files.remove(own / name)
            self._remove_if_empty(own)

    @property
    def _part(self) -> PurePosixPath:
        return self.tree.own / f"{self.name}.part"

    @property
    def _object(self) -> PurePosixPath:
        return self.tree.own / f"{self.name}.object"

    def _write(self) -> None:
        self.tree.make_folder(self.tree.own)
        self.tree.files.write(self._part, self.bytes, PART_MODE)

    def _read(self) -> None:
        if self.tree.files.read(self._part, _BYTES + 1) != self.bytes:
            raise OSError(errno.EIO, "other bytes were read than written")

    def _commit(self) -> None:
        files = self.tree.files
        files.link(self._part, self._object)
        files.sync_folder(self.tree.own)
        try:
            files.link(self._part, self._object)
        except FileExistsError:
            return
        raise OSError(errno.EOPNOTSUPP, "an existing name was overwritten")

    def _list(self) -> None:
        if self._object.name not in dict(self.tree.files.entries(self.tree.own)):
            raise OSError(errno.EIO, "a committed name is not listed")

    def _note(self) -> None:
        notes.write(self.tree, self.name, self.name)
        told = notes.read(self.tree, self.name)
        notes.remove(self.tree, self.name)
        if told != self.name:
            raise OSError(errno.EIO, "another note was read than written")

    def _delete(self) -> None:
        self.tree.files.remove(self._object)
        self.tree.files.remove(self._part)

    def _remove_if_empty(self, folder: PurePosixPath) -> None:
        try:
            self.tree.files.remove_folder(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EROFS, errno.EACCES):
                raise


def _stale(name: PurePosixPath, found: Found) -> bool:
    """Left by a crash an hour ago, or a commit marker nobody can ask about any more."""
    age = time.time() - found.modified_ns / 1e9
    if name.name.startswith(PROBE) or name.suffix == ".new":
        return age > _CRASHED_SECONDS
    return name.suffix in (".done", ".key") and age > _MARKER_SECONDS
