"""A local file as a source: positional reads, holes skipped, change noticed."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from stowage_contracts.errors import NotFound, SourceChanged
from stowage_contracts.plugins.transport import ReadShape

from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.descriptor import Descriptor
from hypervisor_agent.transports.direct import Direct
from hypervisor_agent.transports.os_errors import told

P = ParamSpec("P")
R = TypeVar("R")
READERS = 4


class FileReader:
    """Reads with ``preadv`` in its own threads."""

    ranged = True

    def __init__(self, path: Path, number: int, shape: ReadShape) -> None:
        self._name, self._shape = path.name, shape
        self._file = Descriptor(number)
        self._direct = Direct(number, os.O_RDONLY)
        self._threads = Threads(READERS, "file-read")
        stat = os.fstat(number)
        self.size = stat.st_size
        self.validator = _validator(stat)
        self.received = 0
        self._data = range(0)

    @classmethod
    async def open(cls, path: Path, shape: ReadShape) -> "FileReader":
        """Raises NotFound, SourceRefused, Unavailable, Stalled."""
        threads = Threads(1, "file-open")
        try:
            async with stall_limit(shape.stall_seconds, path.name):
                number = await threads.run(
                    os.open, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                )
        except FileNotFoundError:
            raise NotFound("the file does not exist", resource=path.name) from None
        except OSError as error:
            raise told(error, path.name) from error
        finally:
            threads.close()
        return cls(path, number, shape)

    async def next_data(self, offset: int) -> int:
        """By SEEK_DATA, where the file system knows."""
        if offset >= self.size:
            return self.size
        if offset not in self._data:
            self._data = await self._call(self._seek_data, offset)
        return max(offset, self._data.start)

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; SourceChanged when the file was written to meanwhile."""
        await self._call(self._fill, offset, buffer)
        self.received += len(buffer)

    async def close(self) -> None:
        """Close once running reads have ended."""
        self._file.close()
        self._direct.close()
        self._threads.close()

    async def _call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            async with stall_limit(self._shape.stall_seconds, self._name):
                return await self._threads.run(call, *args, **kwargs)
        except OSError as error:
            raise told(error, self._name) from error

    def _fill(self, offset: int, buffer: memoryview) -> None:
        with self._file.use() as number:
            at = self._direct.read(number, offset, buffer)
            while at < len(buffer):
                count = os.preadv(number, [buffer[at:]], offset + at)
                if count == 0:
                    raise SourceChanged("the file became shorter", resource=self._name)
                at += count
            if _validator(os.fstat(number)) != self.validator:
                raise SourceChanged("the file was written to", resource=self._name)

    def _seek_data(self, offset: int) -> range:
        """The next run of data; empty at the end where there is none."""
        with self._file.use() as number:
            try:
                start = os.lseek(number, offset, os.SEEK_DATA)
                return range(start, os.lseek(number, start, os.SEEK_HOLE))
            except OSError as error:
                start = self.size if error.errno == errno.ENXIO else offset
                return range(start, self.size)


def _validator(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns}-{stat.st_size}"
