"""Starting, recognising and stopping server processes by pid, each step with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SPAWN = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'


class ServerError(RuntimeError):
    """A test server could not be had; the text says in one line what is missing or went wrong."""


@dataclass(frozen=True)
class Process:
    """A process recognised by pid and start time, so that a reused pid is never signalled."""

    pid: int
    started: int

    @classmethod
    def find(cls, pid: int) -> Process | None:
        """The live process of that pid; None when it is gone or only waits to be reaped."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else cls(pid, int(fields[18]))

    @classmethod
    def current(cls) -> Process:
        """This process."""
        me = cls.find(os.getpid())
        if me is None:
            raise ServerError("the test servers need Linux: there is no /proc here")
        return me

    def alive(self) -> bool:
        return Process.find(self.pid) == self

    def stop(self, first: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
        """Send `first`, and SIGKILL when that has not ended it within `seconds`."""
        self._signal(first)
        if not poll(lambda: not self.alive(), seconds):
            self._signal(signal.SIGKILL)
            wait_until(lambda: not self.alive(), f"end of pid {self.pid}", 10)

    def freeze(self) -> None:
        """Stop it. Its threads run on until one of them has seen the signal: that is awaited."""
        self._signal(signal.SIGSTOP)
        wait_until(self._frozen, f"stop of pid {self.pid}", 10)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _frozen(self) -> bool:
        states = (stat.read_text() for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"))
        return all(stat.rpartition(")")[2].split()[0] == "T" for stat in states)

    def _signal(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, number)


def run(
    argv: Sequence[str | Path],
    seconds: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a command to its end and return its output.

    Raises ServerError with the last line it said when it fails or takes longer than `seconds`.
    """
    try:
        done = subprocess.run(
            argv,
            env=env,
            cwd=cwd,
            timeout=seconds,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{argv[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ServerError(f"{argv[0]} ended with {done.returncode}: {said}")
    return done.stdout


def spawn(argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start a daemon in its own session; it outlives us and is nobody's unreaped child."""
    started = subprocess.run(
        ["sh", "-c", SPAWN, "spawn", str(log), *map(str, argv)],
        env=env,
        timeout=10,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=log.parent,
    )
    process = Process.find(int(started.stdout))
    if process is None:
        raise ServerError(f"{argv[0]} ended at once: {tail(log)}")
    return process


def poll(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    if not poll(condition, seconds):
        raise ServerError(f"waited {seconds:.0f} s in vain for {what}")


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, as one line."""
    if not log.exists():
        return "no log"
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-lines:])
