"""Moves a volume's bytes as a hypervisor would: sparse, in pieces, told as it goes."""

import asyncio
import os
from pathlib import Path

from stowage_contracts.errors import NotFound, Unavailable
from stowage_contracts.plugins.hypervisor import Moved, VolumeMove

from hypervisor_agent.engine.zeros import all_zero
from hypervisor_agent.transports.os_errors import told

PIECE = 4 << 20
_MAKES = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


async def move(job: VolumeMove, moved: Moved) -> None:
    """Raises NotFound, OutOfSpace, Unavailable. Cancelled, it stops within a piece."""
    try:
        source = await asyncio.to_thread(os.open, job.source, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            await _into(source, Path(job.destination), moved)
        finally:
            os.close(source)
    except FileNotFoundError as error:
        raise NotFound("the volume is not there", resource=job.resource) from error
    except OSError as error:
        raise told(error, job.resource) from error


async def _into(source: int, path: Path, moved: Moved) -> None:
    destination = await asyncio.to_thread(os.open, path, _MAKES, 0o640)
    try:
        size = os.fstat(source).st_size
        await asyncio.to_thread(os.ftruncate, destination, size)
        for at in range(0, size, PIECE):
            await _whole(asyncio.create_task(asyncio.to_thread(_piece, source, destination, at)))
            moved(min(size, at + PIECE), size)
        await asyncio.to_thread(os.fsync, destination)
    finally:
        os.close(destination)


async def _whole(piece: asyncio.Task[None]) -> None:
    """A thread cannot be stopped: whoever cancels waits for its piece, so that nothing is written
    after that."""
    try:
        await asyncio.shield(piece)
    except asyncio.CancelledError:
        await asyncio.wait([piece])
        raise


def _piece(source: int, destination: int, at: int) -> None:
    data = os.pread(source, PIECE, at)
    if not data:
        raise Unavailable("the volume became shorter while it was moved", code="source")
    if all_zero(memoryview(data)):
        return
    while data:
        written = os.pwrite(destination, data, at)
        data, at = data[written:], at + written
