"""Commands, timed with the CPU seconds and the memory of everything they started."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 900


@dataclass(frozen=True)
class Cost:
    """What a command, or several after each other, took."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    output: str = ""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_mib, other.peak_mib),
            other.output,
        )


def timed(
    command: Sequence[str], given: str = "", environment: Mapping[str, str] | None = None
) -> Cost:
    """Run it to its end; raises CalledProcessError when it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(given)
    process.stdin.close()
    with _watching(process.pid) as peak:
        output = process.stdout.read()
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Cost(time.monotonic() - began, _cpu(used), max(peak), output)


@contextmanager
def _watching(pid: int) -> Iterator[list[float]]:
    """Samples of the most memory a process held, in MiB; the kernel's own ``ru_maxrss`` also
    counts the memory of the process that forked it."""
    seen, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.01):
            seen.append(peak_mib(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def peak_mib(pid: int | str) -> float:
    """The most memory a process ever held; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int((status.partition("VmHWM:")[2].split() or ["0"])[0]) / 1024


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime
