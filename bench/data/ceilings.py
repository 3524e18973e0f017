"""What disk and wire give at best in this very run."""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

from bench.data.processes import Cost, timed
from bench.data.rivals import Rival

PIECE = 8 << 20


def disk_write(path: Path, size: int) -> Rival:
    """Noise past the page cache, and one sync."""

    def move() -> Cost:
        buffer = mmap.mmap(-1, PIECE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        buffer[:] = os.urandom(PIECE)
        began, used = time.monotonic(), time.process_time()
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_DIRECT)
        try:
            for at in range(0, size, PIECE):
                os.pwrite(number, buffer, at)
            os.fdatasync(number)
        finally:
            os.close(number)
        return Cost(time.monotonic() - began, time.process_time() - used)

    return Rival("ceiling", move)


def disk_read(path: Path) -> Rival:
    """Past the page cache."""

    def move() -> Cost:
        buffer = mmap.mmap(-1, PIECE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        began, used = time.monotonic(), time.process_time()
        number = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            for at in range(0, os.fstat(number).st_size, PIECE):
                os.preadv(number, [buffer], at)
        finally:
            os.close(number)
        return Cost(time.monotonic() - began, time.process_time() - used)

    return Rival("ceiling", move)


def wire(url: str) -> Rival:
    """Download to nowhere: what server and loopback give."""
    return Rival("ceiling", lambda: timed(["curl", "-sSf", "-o", "/dev/null", url]))


def sums(path: Path) -> Rival:
    """Only the digest: no verified copy is quicker on one processor."""
    return Rival("ceiling", lambda: timed(["openssl", "dgst", "-sha256", str(path)]))
