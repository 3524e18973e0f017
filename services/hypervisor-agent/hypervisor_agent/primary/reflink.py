"""Blocks that two files of one file system share until one of them is written."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

from stowage_contracts.errors import Conflict, InvalidInput, SourceChanged

_FICLONE = 0x40049409
_PROBE = b"stowage" * 9363
"""About 64 KiB: more than a file system keeps inside an inode."""
_CANNOT = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS)
_CLOSED = os.O_NOFOLLOW | os.O_CLOEXEC


def shares_blocks(folder: str) -> bool:
    """By really cloning a small file without a name; not where none can be made. Blocking."""
    try:
        with tempfile.TemporaryFile(dir=folder) as old, tempfile.TemporaryFile(dir=folder) as new:
            old.write(_PROBE)
            old.flush()
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
            return new.read() == _PROBE
    except OSError:
        return False


def clone(base: Path, part: Path, size: int) -> None:
    """Make ``part`` a durable clone of ``base``, which must be ``size`` bytes long. Blocking;
    raises OSError, Conflict, SourceChanged, InvalidInput where blocks are not shared."""
    old = os.open(base, os.O_RDONLY | _CLOSED)
    try:
        before = os.fstat(old)
        if before.st_size != size:
            raise Conflict(
                f"the base has {before.st_size} bytes instead of {size}",
                resource=base.name,
                code="base",
                hint="delete the pool's copy of the template; it is brought again",
            )
        _cloned(old, part)
        if os.fstat(old).st_mtime_ns != before.st_mtime_ns:
            raise SourceChanged("the base was written to", resource=base.name)
    finally:
        os.close(old)


def _cloned(old: int, part: Path) -> None:
    new = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _CLOSED, 0o640)
    try:
        fcntl.ioctl(new, _FICLONE, old)
        os.fsync(new)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        raise InvalidInput(
            f"the pool's file system shares no blocks: {error.strerror}",
            resource=part.name,
            code="reflink",
            hint="start the agent again, so that it looks at its pools anew",
        ) from error
    finally:
        os.close(new)
