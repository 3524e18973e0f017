"""The images that are moved: full of noise, half of it holes, or nearly nothing but holes."""

from __future__ import annotations

import hashlib
import random
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hypervisor_agent.engine.digest import TreeDigest, leaves
from stowage_contracts.values import TREE_LEAF

from bench.store.batch import Batch

MIB = 1 << 20
RUN = 4 * MIB
"""Data and holes alternate in runs of this length, which no part of ours or theirs divides up
to its favour."""


@dataclass(frozen=True)
class Image:
    """One raw file to move, alone in its folder, and its disk as a qcow2."""

    name: str
    path: Path
    size: int

    @property
    def qcow2(self) -> Path:
        """The same disk, written by qemu-img."""
        return self.path.parent.with_suffix(".qcow2")

    @cached_property
    def tree(self) -> str:
        """Its identity."""
        tree = TreeDigest()
        with self.path.open("rb") as file:
            for at in range(0, self.size, TREE_LEAF):
                data = memoryview(file.read(TREE_LEAF))
                tree.put(at, len(data), leaves(data))
        return tree.result(self.size)

    @cached_property
    def sha256(self) -> str:
        """What a user would declare."""
        with self.path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    @property
    def batch(self) -> Batch:
        """As the measurement of stores takes it."""
        return Batch(self.name, self.path.parent, 1, self.size, (self.tree,))


def make(folder: Path, name: str, size: int, *, half_sparse: bool) -> Image:
    """Write it; noise is different in every MiB."""
    home = folder / ("sparse" if half_sparse else "full")
    home.mkdir()
    noise = random.Random(1).randbytes(16 * MIB)
    with (home / "0000.raw").open("wb") as file:
        file.truncate(size)
        for index, at in enumerate(range(0, size, RUN)):
            if half_sparse and index % 2:
                continue
            file.seek(at)
            start = index % (12 * MIB)
            file.write(noise[start : start + min(RUN, size - at)])
    image = Image(name, home / "0000.raw", size)
    formats = ["-f", "raw", "-O", "qcow2", str(image.path), str(image.qcow2)]
    subprocess.run(["qemu-img", "convert", *formats], check=True)
    return image


def spread(path: Path, size: int, data: int) -> None:
    """A disk of ``size`` with ``data`` bytes of noise in 64 runs evenly apart."""
    noise = random.Random(2).randbytes(16 * MIB)
    each = data // 64 // MIB * MIB
    with path.open("wb") as file:
        file.truncate(size)
        for at in range(0, size, size // 64):
            file.seek(at)
            for piece in range(0, each, len(noise)):
                file.write(noise[: min(len(noise), each - piece)])
