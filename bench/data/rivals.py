"""What everybody has: cp, curl and rclone, each with the sync and the sha256sum of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.data.processes import Cost, timed

Move = Callable[[], Cost]


@dataclass(frozen=True)
class Rival:
    """One way to do a case."""

    who: str
    move: Move


def checked(path: Path, cost: Cost) -> Cost:
    """Add the sync of a file and its checksum."""
    return cost + timed(["sync", str(path)]) + timed(["sha256sum", str(path)])


def cp(source: Path, path: Path) -> Move:
    """Copy a file, holes as holes."""
    return lambda: checked(path, timed(["cp", "--sparse=always", str(source), str(path)]))


def curl(url: str, path: Path) -> Move:
    """Download."""
    return lambda: checked(path, timed(["curl", "-sSf", "-o", str(path), url]))


def curl_nowhere(url: str) -> Move:
    """Download to nowhere: what server and wire give."""
    return lambda: timed(["curl", "-sSf", "-o", "/dev/null", url])


def sha256sum(path: Path) -> Move:
    """Only the checksum."""
    return lambda: timed(["sha256sum", str(path)])


def rclone(source: str, destination: str, checks: Path, env: Mapping[str, str]) -> Move:
    """Copy by rclone at its defaults."""
    command = ["rclone", "copyto", "--s3-no-check-bucket", "-q", source, destination]
    return lambda: checked(checks, timed(command, environment=env))
