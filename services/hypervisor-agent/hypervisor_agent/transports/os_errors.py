"""What an errno means to a mover."""

import errno

from stowage_contracts.errors import OutOfSpace, StowageError, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def told(error: OSError, resource: str) -> StowageError:
    """The typed error for an operating system's; ``resource`` names a file, never its folder."""
    cause = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return OutOfSpace(
            cause,
            resource=resource,
            hint="free space on the store, raise its quota, or choose another store",
        )
    return Unavailable(
        cause, resource=resource, code="file", hint="check that the store is mounted"
    )
