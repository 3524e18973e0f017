"""Small disks (tmpfs) that a run can fill, where this machine lets us mount."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerError, run

BYTES = 96 << 20
BALLAST = ".ballast"


def small_disk(folder: Path) -> bool:
    """Mount one there; whether that worked."""
    folder.mkdir(exist_ok=True)
    if os.geteuid():
        return False
    try:
        run(["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=755", "none", folder])
    except ServerError:
        return False
    return True


@contextmanager
def small_disks(*folders: Path) -> Iterator[tuple[Path, ...]]:
    """Those of the folders that are small disks now; unmounted afterwards."""
    mounted = tuple(folder for folder in folders if small_disk(folder))
    try:
        yield mounted
    finally:
        for folder in mounted:
            run(["umount", "-l", folder])


def fill(folder: Path) -> None:
    """Leave not a byte."""
    with (folder / BALLAST).open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)):
                pass
        except OSError:
            return


def relieve(folder: Path) -> None:
    """As before."""
    (folder / BALLAST).unlink(missing_ok=True)
