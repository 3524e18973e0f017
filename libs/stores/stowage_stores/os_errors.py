"""What an OSError of a store means to Stowage."""

import errno

from stowage_contracts.errors import OutOfSpace, StowageError, Unavailable

_CODES = {
    errno.EACCES: ("denied", "give the service's user access to the directory"),
    errno.EPERM: ("denied", "give the service's user access to the directory"),
    errno.EROFS: ("read_only", "mount it writable, or make the store read-only"),
    errno.ENOENT: ("missing", "create or mount the directory"),
    errno.ENOTDIR: ("not_a_directory", "give the path of a directory"),
    errno.ESTALE: ("stale", "mount it again"),
    errno.EIO: ("io", "check the device or the server behind the mount"),
    errno.EOPNOTSUPP: ("no_hard_links", "use a file system that has hard links"),
}


def from_os(error: OSError, resource: str) -> StowageError:
    """The StowageError for ``error`` while working on ``resource``."""
    cause = error.strerror or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace(cause, resource=resource, hint="free space on it or grow it")
    code, hint = _CODES.get(error.errno or 0, ("os", ""))
    return Unavailable(cause, resource=resource, code=code, hint=hint)
