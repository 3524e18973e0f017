"""Punching holes, which Python's os module cannot."""

import ctypes
import os

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_STEP = 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def punch(number: int, offset: int, length: int) -> None:
    """Make a run of a file read as zeros; writes them where the file system has no holes."""
    if _libc.fallocate(number, _PUNCH_HOLE | _KEEP_SIZE, offset, length) == 0:
        return
    zeros = memoryview(bytes(min(_STEP, length)))
    for at in range(offset, offset + length, _STEP):
        write_all(number, zeros[: min(_STEP, offset + length - at)], at)


def write_all(number: int, view: memoryview, offset: int) -> None:
    """``pwrite`` until everything is written."""
    at = 0
    while at < len(view):
        at += os.pwrite(number, view[at:], offset + at)
