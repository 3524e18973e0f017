"""A file of an NFS export as a source: ranges over several connections, change noticed."""

import ctypes
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from stowage_contracts.errors import NotFound, SourceChanged, Stalled
from stowage_contracts.plugins.transport import ReadShape
from stowage_stores.nfs.layouts import Stat
from stowage_stores.nfs.url import NfsUrl

from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.nfs_handles import Handle, NfsHandles
from hypervisor_agent.transports.os_errors import told

P = ParamSpec("P")
R = TypeVar("R")


class NfsReader:
    """Reads in threads of its own, each on a connection of its own."""

    ranged = True

    def __init__(self, url: NfsUrl, shape: ReadShape, connections: int) -> None:
        self._name, self._shape = url.path.decode().rpartition("/")[2], shape
        self._handles = NfsHandles(url, os.O_RDONLY, shape.stall_seconds)
        self._threads = Threads(connections, "nfs-read")
        self.size, self.validator, self.received = 0, "", 0

    @classmethod
    async def open(cls, url: NfsUrl, shape: ReadShape, connections: int) -> "NfsReader":
        """Raises NotFound, Unavailable, Stalled."""
        self = cls(url, shape, connections)
        try:
            found = await self._call(self._look)
        except BaseException:
            await self.close()
            raise
        self.size, self.validator = found.size, _validator(found)
        return self

    async def next_data(self, offset: int) -> int:
        """NFS 3 doesn't tell."""
        return min(offset, self.size)

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; SourceChanged when the file was written to meanwhile."""
        await self._call(self._fill, offset, buffer)
        self.received += len(buffer)

    async def close(self) -> None:
        """Running reads end by themselves."""
        self._handles.close()
        self._threads.close()

    async def _call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            async with stall_limit(self._shape.stall_seconds, self._name):
                return await self._threads.run(call, *args, **kwargs)
        except Stalled:
            self._handles.give_up()
            raise
        except FileNotFoundError:
            raise NotFound("the file does not exist", resource=self._name) from None
        except OSError as error:
            raise told(error, self._name) from error

    def _look(self) -> Stat:
        with self._handles.use() as handle:
            return _status(handle)

    def _fill(self, offset: int, buffer: memoryview) -> None:
        with self._handles.use() as handle:
            nfs, file = handle
            if nfs.read(file, offset, buffer) < len(buffer):
                raise SourceChanged("the file became shorter", resource=self._name)
            if _validator(_status(handle)) != self.validator:
                raise SourceChanged("the file was written to", resource=self._name)


def _status(handle: Handle) -> Stat:
    nfs, file = handle
    found = Stat()
    nfs.call("nfs_fstat64", file, ctypes.byref(found))
    return found


def _validator(found: Stat) -> str:
    """As the store's driver says it of the object."""
    return f'"{found.ino:x}-{found.size:x}-{found.mtime * 10**9 + found.mtime_nsec:x}"'
