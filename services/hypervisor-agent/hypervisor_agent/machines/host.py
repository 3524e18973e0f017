"""What the host has left for VMs, read from the kernel. Blocking."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hypervisor_agent.machines.record import CONSOLE, DISK, Shelf, VmRecord

CONSOLE_MOST = 1 << 20
"""Bytes of a console that are kept; what a guest writes must not fill the host."""
_SHOWN = 200


def disk_left(shelf: Shelf, there: Sequence[VmRecord], overcommit: float) -> int:
    """Bytes that may still be promised on the folder's disk."""
    room = os.statvfs(shelf.root)
    used = sum(disk_used(shelf.folder(record.vm_id)) for record in there)
    promised = sum(record.disk_bytes for record in there)
    return int((room.f_bavail * room.f_frsize + used) * overcommit) - promised


def disk_used(folder: Path) -> int:
    """Bytes the data disk in ``folder`` holds."""
    try:
        return 512 * (folder / DISK).stat().st_blocks
    except FileNotFoundError:
        return 0


def memory_available() -> int:
    """Bytes, as the kernel estimates."""
    for row in Path("/proc/meminfo").read_text().splitlines():
        if row.startswith("MemAvailable:"):
            return 1024 * int(row.split()[1])
    return 0


def last_words(folder: Path) -> str:
    """The end of its console, for people."""
    try:
        text = (folder / CONSOLE).read_bytes()[-4096:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    faults = [row for row in rows if " fault " in row]
    last = (faults or rows or [""])[-1]
    return "".join(letter for letter in last if letter.isprintable())[:_SHOWN]


def trim_console(folder: Path) -> None:
    """Begin it anew when it has become long."""
    with suppress(FileNotFoundError):
        if (folder / CONSOLE).stat().st_size > CONSOLE_MOST:
            os.truncate(folder / CONSOLE, 0)


def make_disk(folder: Path, size: int) -> None:
    """Sparse and empty; what was there is lost."""
    with (folder / DISK).open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.truncate(size)


def grow_disk(folder: Path, size: int) -> None:
    """Never smaller."""
    with (folder / DISK).open("r+b") as file:
        if file.seek(0, os.SEEK_END) < size:
            file.truncate(size)
