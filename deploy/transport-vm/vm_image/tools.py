"""Running the few programs a build needs, and saying plainly what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"


class BuildError(RuntimeError):
    """The image cannot be built; the text says in a line what is missing or went wrong."""


def need(programs: Mapping[str, str]) -> None:
    """Raises BuildError naming every absent program with the Debian package that brings it."""
    absent = [(name, package) for name, package in programs.items() if find(name) is None]
    if absent:
        told = ", ".join(f"{name} (Debian package {package})" for name, package in absent)
        raise BuildError(f"missing: {told}")


def find(name: str) -> str | None:
    return shutil.which(name, path=PLACES)


def run(
    argv: Sequence[str | Path], seconds: float, data: bytes | None = None, places: str = PLACES
) -> bytes:
    """A command's output. Raises BuildError with the last line it said when it fails."""
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            input=b"" if data is None else data,
            capture_output=True,
            timeout=seconds,
            env={
                "PATH": places,
                "SOURCE_DATE_EPOCH": "0",
                "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive",
            }
            | {name: value for name, value in os.environ.items() if name.endswith("_proxy")},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{argv[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or b"nothing").splitlines()[-1]
        raise BuildError(f"{argv[0]} ended with {done.returncode}: {said.decode(errors='replace')}")
    return done.stdout
