"""The images that are moved: full of noise, or half of it holes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
RUN = 4 * MIB
"""Data and holes alternate in runs of this length, which no part of ours or theirs divides up
to its favour."""


@dataclass(frozen=True)
class Image:
    """One file to move."""

    name: str
    path: Path
    size: int


def make(folder: Path, name: str, size: int, *, half_sparse: bool) -> Image:
    """Write it; noise is different in every MiB."""
    path = folder / f"{'sparse' if half_sparse else 'full'}.raw"
    noise = random.Random(1).randbytes(16 * MIB)
    with path.open("wb") as file:
        file.truncate(size)
        for index, at in enumerate(range(0, size, RUN)):
            if half_sparse and index % 2:
                continue
            file.seek(at)
            start = index % (12 * MIB)
            file.write(noise[start : start + min(RUN, size - at)])
    return Image(name, path, size)
