"""qemu-img's own view of a local file the gate accepted, under limits; disagreement refuses it.

It runs after the gate, so nothing it opens names another file. CVE-2024-4467 showed that ``info``
follows a data file before anybody can ask, which is why this is never the first look.
"""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import ImageFormat, Verdict

from hypervisor_agent.gate.sizes import whole_sectors

MAX_OUTPUT = 1024 * 1024
DRIVERS: Mapping[ImageFormat, str] = {
    ImageFormat.RAW: "raw",
    ImageFormat.ISO: "raw",
    ImageFormat.QCOW2: "qcow2",
    ImageFormat.VMDK: "vmdk",
    ImageFormat.VHD: "vpc",
    ImageFormat.VHDX: "vhdx",
    ImageFormat.VDI: "vdi",
}
"""qemu's names of the formats it may open; it knows no OVA, and no compressed stream."""


@dataclass(frozen=True)
class Jail:
    """What qemu-img may use."""

    memory: int = 1024 * 1024 * 1024
    """Bytes of address space."""
    cpu_seconds: int = 10
    deadline: float = 30.0
    """Seconds on the wall."""
    wrapper: tuple[str, ...] = ()
    """A program and its arguments that take the network away, then run what follows."""

    @classmethod
    async def strictest(cls) -> "Jail":
        """With no network where ``unshare`` may make a name space, as root or as a mere user.

        Elsewhere the network stays: the gate has already refused every image that names another
        resource, so there is nothing to connect to.
        """
        for names in (("--net",), ("--user", "--net")):
            wrapper = ("unshare", *names, "--")
            with suppress(_Unreadable, Unavailable):
                await _run([*wrapper, "true"], 5.0)
                return cls(wrapper=wrapper)
        return cls()

    def argv(self, path: Path, driver: str) -> list[str]:
        """``qemu-img info`` inside this jail; it may write nothing at all."""
        return [
            *self.wrapper,
            "prlimit",
            f"--as={self.memory}",
            f"--cpu={self.cpu_seconds}",
            "--fsize=0",
            "--core=0",
            "qemu-img",
            "info",
            "--output=json",
            "-f",
            driver,
            str(path),
        ]


class _Unreadable(Exception):
    """qemu-img gave no view: an answer about the image, not a failure of ours."""


async def second_opinion(path: Path, verdict: Verdict, jail: Jail | None = None) -> Verdict:
    """The verdict unchanged, or a refusal where qemu-img sees a different image.

    What qemu has no driver for keeps its verdict.

    ``path`` is absolute and of our own making. Raises ``ValueError`` for another kind of path or a
    refused verdict, and ``Unavailable`` when qemu-img cannot be run at all.
    """
    if not path.is_absolute() or not verdict.accepted or verdict.format is None:
        raise ValueError("a second opinion is for an accepted image at an absolute path")
    driver = DRIVERS.get(verdict.format)
    if driver is None or verdict.compression:
        return verdict
    jail = jail or Jail()
    try:
        view = await _info(jail.argv(path, driver), jail.deadline)
    except _Unreadable as no:
        return _refused(verdict, "image.unreadable", str(no).replace(str(path), "the image"))
    for broken, code, reason in _disagreements(view, verdict, driver):
        if broken:
            return _refused(verdict, code, reason)
    return verdict


def _refused(verdict: Verdict, code: str, reason: str) -> Verdict:
    return verdict.model_copy(
        update={"accepted": False, "virtual_size": 0, "code": code, "reason": reason}
    )


def _disagreements(
    view: Mapping[str, Any], verdict: Verdict, driver: str
) -> list[tuple[bool, str, str]]:
    specific = view.get("format-specific", {}).get("data", {})
    size, seen = whole_sectors(verdict.virtual_size), view.get("virtual-size")
    backing = "backing-filename" in view or "full-backing-filename" in view
    other = view.get("format") != driver
    return [
        (backing, "image.backing_file", "qemu-img sees a backing file"),
        ("data-file" in specific, "image.data_file", "qemu-img sees an external data file"),
        (bool(specific.get("corrupt")), "image.corrupt", "qemu-img sees a corrupt image"),
        (other, "image.second_opinion", f"qemu-img sees the format {view.get('format')}"),
        (seen != size, "image.second_opinion", f"qemu-img sees {seen} virtual bytes, not {size}"),
    ]


async def _info(argv: list[str], deadline: float) -> Mapping[str, Any]:
    output = await _run(argv, deadline)
    try:
        view = json.loads(output)
    except ValueError as error:
        raise _Unreadable(f"qemu-img's answer is not JSON: {error}") from error
    if not isinstance(view, dict):
        raise _Unreadable("qemu-img's answer is not an object")
    return view


async def _run(argv: list[str], deadline: float) -> bytes:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"{error.filename} cannot be run", code="tool", hint="install qemu-utils and util-linux"
        ) from error
    try:
        async with asyncio.timeout(deadline):
            return await _answer(process)
    except TimeoutError:
        raise _Unreadable(f"qemu-img took longer than {deadline:g} seconds") from None
    finally:
        await _end(process)


async def _answer(process: Process) -> bytes:
    assert process.stdout is not None
    assert process.stderr is not None
    output, complaint = await asyncio.gather(
        _bounded(process, process.stdout), _bounded(process, process.stderr)
    )
    code = await process.wait()
    if max(len(output), len(complaint)) > MAX_OUTPUT:
        raise _Unreadable(f"qemu-img said more than {MAX_OUTPUT} bytes")
    if code == 127:
        raise Unavailable("qemu-img cannot be run", code="tool", hint="install qemu-utils")
    if code != 0:
        text = complaint.decode(errors="replace").strip().splitlines()
        raise _Unreadable(f"qemu-img ended with {code}: {text[-1] if text else 'no word'}"[:300])
    return output


async def _bounded(process: Process, stream: asyncio.StreamReader) -> bytes:
    """Read to the end, keep a byte more than is allowed, and end a program that says more."""
    kept = bytearray()
    while part := await stream.read(65536):
        kept += part[: MAX_OUTPUT + 1 - len(kept)]
        if len(kept) > MAX_OUTPUT:
            _kill(process)
    return bytes(kept)


def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    _kill(process)
    # Its pipes must be emptied: asyncio reaps a process only after it has seen their end.
    await process.communicate()
