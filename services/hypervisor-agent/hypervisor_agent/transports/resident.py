"""Which pages of a file are in memory, which Python's mmap module does not tell."""

import ctypes
import mmap

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


def resident(number: int, offset: int, length: int) -> bool:
    """Whether the page cache holds all of a range that begins on a page; False if unknown."""
    if not length or offset % mmap.ALLOCATIONGRANULARITY:
        return False
    pages = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
    try:
        view = mmap.mmap(number, length, access=mmap.ACCESS_COPY, offset=offset)
    except (OSError, ValueError):
        return False
    try:
        start = ctypes.addressof(ctypes.c_char.from_buffer(view))
        if _libc.mincore(start, length, pages) != 0:
            return False
    finally:
        view.close()
    return all(page & 1 for page in pages.raw)
