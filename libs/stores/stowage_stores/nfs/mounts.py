"""Finds where the kernel of this machine has an export mounted already."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stowage_stores.nfs.url import PORT, NfsUrl

MOUNTINFO = Path("/proc/self/mountinfo")
_TYPES = ("nfs", "nfs4")
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class _Mount:
    point: PurePosixPath
    server: str
    export: PurePosixPath
    options: dict[str, str]

    def holds(self, url: NfsUrl) -> bool:
        """Whether what ``url`` names lies on it."""
        names = (self.server.strip("[]").lower(), self.options.get("addr", "").lower())
        port = int(self.options.get("port") or PORT)
        same_server = url.server.lower() in names and port == (url.nfsport or PORT)
        return same_server and url.export.is_relative_to(self.export)


def mounted_at(url: NfsUrl, table: Path = MOUNTINFO) -> PurePosixPath | None:
    """The directory by which the export of ``url`` is reached here; None where it isn't.

    Where several mounts hold it, the innermost; of two at one place, the upper.
    """
    fits = [mount for mount in _mounts(table) if mount.holds(url)]
    if not fits:
        return None
    best = max(enumerate(fits), key=lambda row: (len(row[1].export.parts), row[0]))[1]
    return best.point / url.export.relative_to(best.export)


def any_mounted(table: Path = MOUNTINFO) -> bool:
    """Whether the kernel has an NFS export mounted at all."""
    return bool(_mounts(table))


def _mounts(table: Path) -> list[_Mount]:
    try:
        lines = table.read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    return [mount for mount in map(_parsed, lines) if mount is not None]


def _parsed(line: str) -> _Mount | None:
    before, _, after = line.partition(" - ")
    fields, (kind, source, *options) = before.split(" "), [*after.split(" "), "", ""]
    server, colon, export = _plain(source).rpartition(":/")
    if kind not in _TYPES or not colon or len(fields) < 5:
        return None
    told = dict(item.partition("=")[::2] for item in options[0].split(","))
    root = fields[3].lstrip("/")  # of a bind mount of a folder inside the export
    return _Mount(
        PurePosixPath(_plain(fields[4])), server, PurePosixPath("/", export, _plain(root)), told
    )


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
