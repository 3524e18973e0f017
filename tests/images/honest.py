"""Images as real programs make them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

PATTERN = bytes(range(256)) * 256
"""64 KiB that neither a compressor nor a zero detector takes for nothing."""


def qemu_img(*argv: str | Path) -> str:
    """Run qemu-img; its standard output. Raises ``CalledProcessError``."""
    command = ["qemu-img", *map(str, argv)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def raw_file(path: Path, size: int) -> Path:
    """A sparse raw disk of ``size`` bytes with data at its start, middle and end."""
    with path.open("wb") as file:
        file.truncate(size)
        for at in (0, size // 2 // 512 * 512, size - len(PATTERN)):
            file.seek(at)
            file.write(PATTERN)
    return path


def qcow2_file(
    path: Path, options: Sequence[str] = (), size: int = 8 << 20, *, compress: bool = False
) -> Path:
    """A qcow2 with data in it, converted with the given ``-o`` options."""
    source = raw_file(path.with_suffix(".source"), size)
    flags = [part for option in options for part in ("-o", option)]
    qemu_img(
        "convert", "-f", "raw", "-O", "qcow2", *(["-c"] if compress else []), *flags, source, path
    )
    source.unlink()
    return path
