"""The shared libraries programs need, as their own loader finds them among unpacked packages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from vm_image.debian import Unpacked
from vm_image.tools import run

LOADER = "lib64/ld-linux-x86-64.so.2"
FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
FOUND = re.compile(r"^\s*(\S+) => (/\S+) \(", re.MULTILINE)


def closure(packages: Unpacked, programs: Iterable[Path]) -> dict[str, bytes]:
    """Every library those programs load, by its name, with the loader under its full path."""
    loader = packages.first(LOADER, f"usr/{LOADER}", "*lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    path = ":".join(str(packages.root / folder) for folder in FOLDERS)
    found: dict[str, bytes] = {LOADER: loader.read_bytes()}
    for program in programs:
        said = run([loader, "--library-path", path, "--list", program], 20).decode()
        for name, file in FOUND.findall(said):
            found[f"lib/x86_64-linux-gnu/{name}"] = Path(file).read_bytes()
    return found
