"""Processes that outlive the agent: begun in a session of their own, known again, proven gone."""

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stowage_contracts.errors import Unavailable

from hypervisor_agent.machines.record import CONSOLE, ProcessMark

PROC = Path("/proc")
MARK = "STOWAGE_VM"
"""In the environment of each VM's processes: its folder."""
DEADLINE = 15.0
"""Seconds a short command may take, and a killed process to be gone."""
_STATE, _STARTED, _SIZE, _STACK = 0, 19, 20, 25
"""Fields of /proc/PID/stat, counted behind the name."""


def begin(argv: Sequence[str], folder: Path) -> int:
    """Its pid. Input is empty, output is appended to the console file in ``folder``, which also
    marks it and all it begins. Raises Unavailable."""
    program = found(argv[0])
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(folder / CONSOLE), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", MARK: str(folder)}
    return os.posix_spawn(program, list(argv), env, file_actions=actions, setsid=True)


def found(program: str) -> str:
    """Its path. Raises Unavailable, which names the package it is in."""
    path = shutil.which(program)
    if path is None:
        raise _missing(program)
    return path


def mark_of(pid: int) -> ProcessMark | None:
    """None when there is none."""
    fields = _stat(pid)
    if fields is None or fields[_STATE] in "ZX":
        return None
    return ProcessMark(pid=pid, started=int(fields[_STARTED]), boot=_boot_id())


def alive(mark: ProcessMark) -> bool:
    """Whether that very process runs; one of our children that ended is reaped."""
    fields = _stat(mark.pid)
    if fields is None or int(fields[_STARTED]) != mark.started or _boot_id() != mark.boot:
        return False
    if fields[_STATE] not in "ZX":
        return True
    with suppress(ChildProcessError):
        os.waitpid(mark.pid, os.WNOHANG)
    return False


def of_folder(folder: Path) -> tuple[ProcessMark, ...]:
    """Every process of the VM of ``folder``, the first begun first."""
    wanted, marks = f"{MARK}={folder}".encode(), []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    marks.append(mark_of(int(entry.name)))
    return tuple(sorted(filter(None, marks), key=lambda mark: (mark.started, mark.pid)))


def memory(pid: int) -> int:
    """Bytes it and its descendants hold, what they share counted once."""
    held: dict[tuple[str, str], int] = {}
    left = [pid]
    while left:
        one = left.pop()
        fields = _stat(one)
        with suppress(OSError, ValueError):
            rows = (PROC / str(one) / "smaps_rollup").read_text().splitlines()
            pss = sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
            if fields is not None:  # of two processes with one memory, one counts
                held[fields[_SIZE], fields[_STACK]] = 1024 * pss
        with suppress(OSError):
            for task in (PROC / str(one) / "task").iterdir():
                left += map(int, (task / "children").read_text().split())
    return sum(held.values())


async def end_all(folder: Path) -> None:
    """Kill every process of the VM of ``folder``; returns once none is left.

    Raises Unavailable when one does not go.
    """
    left: set[ProcessMark] = set()
    try:
        async with asyncio.timeout(DEADLINE):
            while left := await asyncio.to_thread(_left, folder, left):
                for mark in left:
                    with suppress(ProcessLookupError):
                        os.kill(mark.pid, signal.SIGKILL)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Unavailable(
            f"processes {', '.join(str(mark.pid) for mark in left)} can't be killed",
            resource=f"transport_vm/{folder.name}",
            code="immortal",
            hint="is a disk below them stuck?",
        ) from None


async def run(argv: Sequence[str]) -> str:
    """The output of a short command. Raises Unavailable with what it complained about."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise _missing(argv[0]) from None
    try:
        async with asyncio.timeout(DEADLINE):
            out, complaint = await process.communicate()
    except BaseException as error:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise Unavailable(f"{argv[0]} took over {DEADLINE:g} s", code="tool") from None
        raise
    if process.returncode:
        said = (complaint.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
        raise Unavailable(f"{' '.join(argv)}: {said}", code="tool", hint="may this agent do that?")
    return out.decode()


def _left(folder: Path, killed: set[ProcessMark]) -> set[ProcessMark]:
    """One that ends has no environment any more, while it still holds its disk and interface."""
    return {*of_folder(folder), *filter(alive, killed)}


def _stat(pid: int) -> list[str] | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _missing(program: str) -> Unavailable:
    packages = {"ip": "iproute2", "qemu-system-x86_64": "qemu-system-x86"}
    hint = f"install {packages.get(program, 'util-linux')}"
    return Unavailable(f"{program} can't be run here", code="tool", hint=hint)
