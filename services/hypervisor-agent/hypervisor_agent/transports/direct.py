"""Direct I/O: images pass by the page cache, which belongs to the machine's guests.

It saves a copy of every byte and the burst of dirty pages at a sync. File systems without it, and
bytes that do not fill whole blocks, go the usual way.
"""

import os
from collections.abc import Callable
from contextlib import suppress

from hypervisor_agent.transports.descriptor import Descriptor
from hypervisor_agent.transports.resident import resident

BLOCK = 4096
Call = Callable[[int, memoryview, int], int]


class Direct:
    """A second descriptor of an open file. Blocking; each method answers how far it came."""

    def __init__(self, number: int, mode: int) -> None:
        self._file: Descriptor | None = None
        with suppress(OSError):
            flags = mode | os.O_DIRECT | os.O_CLOEXEC
            self._file = Descriptor(os.open(f"/proc/self/fd/{number}", flags))

    def read(self, cached: int, offset: int, buffer: memoryview) -> int:
        """Whole blocks, unless the page cache holds them, where they are read and stay."""
        if self._file is None or resident(cached, offset, len(buffer)):
            return 0
        return self._blocks(_read, offset, buffer)

    def write(self, offset: int, buffer: memoryview) -> int:
        """Whole blocks."""
        return self._blocks(_write, offset, buffer)

    def close(self) -> None:
        """As a Descriptor."""
        if self._file is not None:
            self._file.close()

    def _blocks(self, call: Call, offset: int, buffer: memoryview) -> int:
        if self._file is None or offset % BLOCK:
            return 0
        at, end = 0, len(buffer) // BLOCK * BLOCK
        with self._file.use() as number:
            while at < end:
                try:
                    count = call(number, buffer[at:end], offset + at)
                except OSError as error:
                    if error.errno != 22:  # EINVAL: this buffer or this file system is unfit
                        raise
                    return at
                at += count
                if not count or count % BLOCK:
                    return at - at % BLOCK
        return at


def _read(number: int, view: memoryview, at: int) -> int:
    return os.preadv(number, [view], at)


def _write(number: int, view: memoryview, at: int) -> int:
    return os.pwrite(number, view, at)
