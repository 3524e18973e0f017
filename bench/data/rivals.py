"""What everybody has, each with the sync and the SHA-256 of its result: the same verified and
durable work. ``openssl`` does it, because sha256sum takes three times the CPU here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data.processes import Cost, timed
from bench.store.clients import synced

Move = Callable[[], Cost]


@dataclass(frozen=True)
class Rival:
    """One way to do a case."""

    who: str
    move: Move


def to_file(who: str, path: Path, *commands: Sequence[str], **env: str) -> Rival:
    """Commands that leave a file; one that fails leaves the case to others."""

    def move() -> Cost:
        cost = Cost()
        for command in commands:
            cost += timed(command, environment=env)
        return cost + synced([path])

    return Rival(who, move)


def cp(source: Path, path: Path) -> Rival:
    """Copy a file, holes as holes."""
    return to_file("cp", path, ["cp", "--sparse=always", str(source), str(path)])


def curl(url: str, path: Path) -> Rival:
    """Download."""
    return to_file("curl", path, ["curl", "-sSf", "-o", str(path), url])


def rclone(base: str, name: str, path: Path) -> Rival:
    """Download by rclone at its defaults."""
    command = ["rclone", "copyto", "-q", f":http:{name}", str(path)]
    env: Mapping[str, str] = {"RCLONE_HTTP_URL": base, "RCLONE_CONFIG": "/dev/null"}
    return to_file("rclone", path, command, **env)


def curl_then_convert(url: str, fetched: Path, path: Path) -> Rival:
    """What is done where qemu-img is not trusted with the network: a second copy."""
    download = ["curl", "-sSf", "-o", str(fetched), url]
    return to_file("curl+qemu-img", path, download, converting(fetched, path, ("raw", "qcow2")))


def qemu_img(source: Path | str, path: Path, formats: tuple[str, str]) -> Rival:
    """Out of order with eight coroutines; over HTTP in order with one, where it hangs else."""
    return to_file("qemu-img", path, converting(source, path, formats))


def converting(source: Path | str, path: Path, formats: tuple[str, str]) -> list[str]:
    """The command."""
    parallel = ["-W", "-m", "8"] if isinstance(source, Path) else ["-m", "1"]
    patience = [] if isinstance(source, Path) else ["timeout", "300"]
    return [
        *patience,
        "qemu-img",
        "convert",
        *parallel,
        "-f",
        formats[0],
        "-O",
        formats[1],
        str(source),
        str(path),
    ]


def nbdcopy(source: Path, path: Path, formats: tuple[str, str], size: int) -> Rival:
    """libnbd's copy, with qemu-nbd on the side that is no plain file."""
    common = ["nbdcopy", "--flush", "--destination-is-zero", "--"]
    there = str(path)

    def move() -> Cost:
        made: list[str]
        if formats[1] == "qcow2":
            subprocess.run(
                ["qemu-img", "create", "-q", "-f", "qcow2", there, str(size)], check=True
            )
            made = [str(source), "[", "qemu-nbd", "-f", "qcow2", "--discard=unmap", there, "]"]
        else:
            with path.open("wb") as file:
                file.truncate(size)
            made = ["[", "qemu-nbd", "-r", "-f", formats[0], str(source), "]", there]
        return timed([*common, *made]) + synced([path])

    return Rival("nbdcopy", move)
