"""A part that is longer than the buffers, kept on disk until its length is sure."""

import os
import tempfile

from stowage_contracts.plugins import StreamReader

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.holes import write_all
from hypervisor_agent.transports.os_errors import told


class Spool:
    """An unnamed file: nobody else can open it, and it is gone with its process."""

    def __init__(self, number: int, threads: Threads) -> None:
        self._number, self._threads = number, threads
        self.offset = 0
        """Where its first byte belongs in the destination."""
        self.length = 0

    @classmethod
    async def open(cls, folder: str, threads: Threads) -> "Spool":
        """Raises OutOfSpace, Unavailable."""
        try:
            return cls(await threads.run(_unnamed, folder), threads)
        except OSError as error:
            raise told(error, "spool") from error

    async def fill(self, source: StreamReader, length: int, buffer: memoryview) -> bool:
        """Take up to ``length`` bytes through ``buffer``; False when the source has ended."""
        for at in range(0, length, len(buffer)):
            view = buffer[: min(len(buffer), length - at)]
            count = await source.read_next(view)
            try:
                await self._threads.run(write_all, self._number, view[:count], at)
            except OSError as error:
                raise told(error, "spool") from error
            self.length += count
            if count < len(view):
                return False
        return True

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` with what belongs at ``offset`` of the destination."""
        await self._threads.run(_read, self._number, offset - self.offset, buffer)

    async def close(self) -> None:
        """Give its room back."""
        await self._threads.run(os.close, self._number)


def _unnamed(folder: str) -> int:
    number, path = tempfile.mkstemp(prefix="stowage-spool-", dir=folder)
    os.unlink(path)  # noqa: PTH108 - it is only now to lose its name
    return number


def _read(number: int, at: int, view: memoryview) -> None:
    done = 0
    while done < len(view):
        count = os.preadv(number, [view[done:]], at + done)
        if count == 0:
            raise OSError(5, "the spool is shorter than what was written")
        done += count
