"""Proves by doing that a directory can serve as a store."""

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stowage_stores.directory.tree import PART_MODE, Tree, sync_folder

_MARKER_SECONDS = 30 * 86400
_CRASHED_SECONDS = 3600
_BYTES = 64 * 1024


@dataclass(frozen=True)
class Probe:
    """One probe; its files are named so that a crashed one is swept by the next."""

    tree: Tree
    bytes: bytes = field(default_factory=lambda: secrets.token_bytes(_BYTES))
    name: str = field(default_factory=lambda: f"probe-{secrets.token_hex(8)}")

    def steps(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        """Name and work of each check, in order; work raises OSError."""
        return (
            ("root", self.tree.check_root),
            ("write", self._write),
            ("read", self._read),
            ("commit", self._commit),
            ("list", self._list),
            ("delete", self._delete),
        )

    def sweep(self) -> None:
        """Remove what this probe, or a crashed one, left; old commit markers too."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in self.tree.own.iterdir():
                if path.name.startswith(f"{self.name}.") or _stale(path):
                    path.unlink(missing_ok=True)
            _remove_if_empty(self.tree.own)

    @property
    def _part(self) -> Path:
        return self.tree.own / f"{self.name}.part"

    @property
    def _object(self) -> Path:
        return self.tree.own / f"{self.name}.object"

    def _write(self) -> None:
        self.tree.make_folder(self.tree.own)
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PART_MODE)
        try:
            os.write(handle, self.bytes)
            os.fsync(handle)
        finally:
            os.close(handle)

    def _read(self) -> None:
        if self._part.read_bytes() != self.bytes:
            raise OSError(errno.EIO, "other bytes were read than written")

    def _commit(self) -> None:
        os.link(self._part, self._object)
        sync_folder(self.tree.own)
        try:
            os.link(self._part, self._object)
        except FileExistsError:
            return
        raise OSError(errno.EOPNOTSUPP, "an existing name was overwritten")

    def _list(self) -> None:
        if self._object not in self.tree.own.iterdir():
            raise OSError(errno.EIO, "a committed name is not listed")

    def _delete(self) -> None:
        self._object.unlink()
        self._part.unlink()


def _stale(path: Path) -> bool:
    """Left by a crash an hour ago, or a commit marker nobody can ask about any more."""
    age = time.time() - path.lstat().st_mtime
    if path.name.startswith("probe-") or path.suffix == ".new":
        return age > _CRASHED_SECONDS
    return path.suffix == ".done" and age > _MARKER_SECONDS


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EROFS, errno.EACCES):
            raise
