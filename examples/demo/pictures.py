"""A real disk image: the one given, a rescue CD from a Debian package, or one made here."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

PACKAGE, RESCUE = "grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso"
SECONDS = 120
MIB = 1 << 20
FIRST_SECTOR, SECTOR = 2048, 512


class MissingToolError(Exception):
    """One line that says what this machine lacks."""


async def chosen_image(given: str, folder: Path) -> Path | None:
    """The file given; None for a URL; else a rescue image from Debian or a disk made here."""
    if given:
        return None if "://" in given else Path(given)
    return await _rescue(folder) or await _homemade(folder)


async def _rescue(folder: Path) -> Path | None:
    installed = Path("/", RESCUE)
    if await asyncio.to_thread(installed.exists):
        return installed
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    if not await _run(folder, "apt-get", "-qq", "download", PACKAGE):
        return None
    for name in await asyncio.to_thread(os.listdir, folder):
        if name.endswith(".deb") and await _run(folder, "dpkg-deb", "-x", name, str(folder)):
            return folder / RESCUE
    return None


async def _homemade(folder: Path) -> Path:
    """128 MiB: one bootable Linux partition with an ext2 file system, most of it never written."""
    image, size = folder / "disk.img", 128 * MIB
    with image.open("wb") as file:
        file.truncate(size)
        file.seek(446)
        file.write(_partition(size // SECTOR - FIRST_SECTOR))
        file.seek(510)
        file.write(b"\x55\xaa")
    offset = f"offset={FIRST_SECTOR * SECTOR}"
    blocks = str((size // SECTOR - FIRST_SECTOR) // 2)
    tool = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        raise MissingToolError("missing: mke2fs (Debian package e2fsprogs), or give IMAGE=<file>")
    if not await _run(folder, tool, "-q", "-F", "-E", offset, str(image), blocks):
        raise MissingToolError("mke2fs could not make a file system; give IMAGE=<file>")
    return image


def _partition(sectors: int) -> bytes:
    """One entry of an MBR: bootable, type Linux, addressed by sector."""
    beyond = b"\xfe\xff\xff"
    place = FIRST_SECTOR.to_bytes(4, "little") + sectors.to_bytes(4, "little")
    return b"\x80" + beyond + b"\x83" + beyond + place


async def _run(folder: Path, *argv: str) -> bool:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, stdin=null, stdout=null, stderr=null
    )
    try:
        async with asyncio.timeout(SECONDS):
            return await process.wait() == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False


def format_of(image: Path) -> str:
    """The format to declare: by content, as far as a demo needs it."""
    with image.open("rb") as file:
        if file.read(4) == b"QFI\xfb":
            return "qcow2"
        file.seek(0x8001)
        return "iso" if file.read(5) == b"CD001" else "raw"
