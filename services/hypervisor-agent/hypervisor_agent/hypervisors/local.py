"""What kinds of hosts with directory pools have in common."""

import asyncio
import os

from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.hosts import PoolView
from stowage_contracts.plugins.hypervisor import Conversion, PoolSettings
from stowage_contracts.values import ImageFormat
from stowage_stores.deadlines import Deadlines

from hypervisor_agent.gate.second_opinion import DRIVERS
from hypervisor_agent.hypervisors.qemu_img import installed, qemu_img
from hypervisor_agent.primary.reflink import shares_blocks

STATFS_SECONDS = 2
"""Shorter than a heartbeat: a dead mount must not make the host look dead."""
THREADS = "8"
CONVERTED = (
    ImageFormat.RAW,
    ImageFormat.QCOW2,
    ImageFormat.VMDK,
    ImageFormat.VHD,
    ImageFormat.VHDX,
    ImageFormat.VDI,
)
"""Where qemu-img is installed."""
OPTIONS = {
    ImageFormat.RAW: ("-W",),
    ImageFormat.QCOW2: ("-W",),
    ImageFormat.VHD: ("-o", "subformat=dynamic,force_size=on"),
    ImageFormat.VHDX: ("-o", "subformat=dynamic"),
    ImageFormat.VMDK: ("-o", "subformat=monolithicSparse"),
}
"""Out of order where clusters are found by tables alone; a VHD as large as its source."""


class LocalPools:
    """Directory pools; one that doesn't answer is left out and keeps nobody waiting."""

    def __init__(self, pools: tuple[PoolSettings, ...]) -> None:
        self._pools = [_Pool(pool) for pool in pools]

    async def views(self) -> tuple[PoolView, ...]:
        """Those that answer, with fresh capacity."""
        views = await asyncio.gather(*(pool.view() for pool in self._pools))
        return tuple(view for view in views if view is not None)


class _Pool:
    """One of them; what its file system can is tried out once."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._deadlines = Deadlines(settings.name, STATFS_SECONDS)
        self._can: tuple[str, ...] | None = None

    async def view(self) -> PoolView | None:
        """None while it does not answer."""
        pool = self._settings
        try:
            room = await self._deadlines.run(lambda: os.statvfs(pool.root))
            if self._can is None:
                self._can = await self._deadlines.run(self._abilities)
        except (OSError, Unavailable):
            return None
        return PoolView(
            id=pool.id,
            name=pool.name,
            provider=pool.provider,
            root=pool.root,
            formats=pool.formats,
            can=self._can,
            install=pool.install,
            total_bytes=room.f_blocks * room.f_frsize,
            free_bytes=room.f_bavail * room.f_frsize,
        )

    def _abilities(self) -> tuple[str, ...]:
        if self._settings.provider != "directory":
            return ()
        overlays = ("overlay",) if installed() else ()
        return (*overlays, *(("reflink",) if shares_blocks(self._settings.root) else ()))


async def convert(job: Conversion, able: tuple[ImageFormat, ...]) -> None:
    """By qemu-img, in parallel, past the page cache where that works."""
    if job.source_format not in able or job.destination_format not in able:
        raise InvalidInput(
            f"{job.source_format.value} to {job.destination_format.value} is not converted here",
            code="conversion",
        )
    name = os.path.basename(job.destination)  # noqa: PTH119 - names a part, opens nothing
    common = (
        *("-f", DRIVERS[job.source_format], "-O", DRIVERS[job.destination_format]),
        *OPTIONS.get(job.destination_format, ()),
        *("-m", THREADS, job.source, job.destination),
    )
    try:
        await qemu_img("convert", "-t", "none", *common, resource=name)
    except Unavailable:  # the file system may have no direct I/O
        await qemu_img("convert", "-t", "writeback", *common, resource=name)
