"""The structures libnfs fills, as its header has them since version 4."""

import ctypes
from ctypes import POINTER, c_char_p, c_int64, c_uint32, c_uint64


class Stat(ctypes.Structure):
    """``struct nfs_stat_64``."""

    _fields_ = tuple(
        (name, c_uint64)
        for name in (
            *("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks"),
            *("atime", "mtime", "ctime", "atime_nsec", "mtime_nsec", "ctime_nsec", "used"),
        )
    )


class Room(ctypes.Structure):
    """``struct nfs_statvfs_64``."""

    _fields_ = tuple(
        (name, c_uint64)
        for name in (
            *("bsize", "frsize", "blocks", "bfree", "bavail", "files"),
            *("ffree", "favail", "fsid", "flag", "namemax"),
        )
    )


class _Time(ctypes.Structure):
    _fields_ = (("seconds", c_int64), ("micro", c_int64))


class Entry(ctypes.Structure):
    """``struct nfsdirent``."""


Entry._fields_ = (
    ("next", POINTER(Entry)),
    ("name", c_char_p),
    ("ino", c_uint64),
    ("type", c_uint32),
    ("mode", c_uint32),
    ("size", c_uint64),
    ("atime", _Time),
    ("mtime", _Time),
    ("ctime", _Time),
    ("uid", c_uint32),
    ("gid", c_uint32),
    ("nlink", c_uint32),
    *((name, c_uint64) for name in ("dev", "rdev", "blksize", "blocks", "used")),
    ("atime_nsec", c_uint32),
    ("mtime_nsec", c_uint32),
    ("ctime_nsec", c_uint32),
)
