"""qemu-img under limits: argv only, no network where that can be had, killed with its waiter."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

from stowage_contracts.errors import OutOfSpace, Unavailable

from hypervisor_agent.gate import Jail

MEMORY = 2 << 30
"""Bytes of address space; qemu-img maps far more than it uses."""
LONGEST = 12 * 3600.0
"""Seconds; 8 TiB at 200 MiB/s. Who waits for less ends it sooner by cancelling."""
_FULL = ("No space left on device", "Disk quota exceeded")


def installed() -> bool:
    """Whether qemu-img can be run at all."""
    return shutil.which("qemu-img") is not None


async def qemu_img(*arguments: str, resource: str, deadline: float = LONGEST) -> None:
    """Run it to its end. Raises OutOfSpace, Unavailable (with qemu-img's last line)."""
    jail = await Jail.strictest()
    argv = [*jail.wrapper, "prlimit", f"--as={MEMORY}", "--core=0", "qemu-img", *arguments]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"{error.filename} cannot be run", code="tool", hint="install qemu-utils and util-linux"
        ) from error
    try:
        async with asyncio.timeout(deadline):
            _, complaint = await process.communicate()
    except TimeoutError:
        text = f"qemu-img took longer than {deadline:g} seconds"
        raise Unavailable(text, resource=resource, code="qemu_img") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise _failure(complaint.decode(errors="replace"), resource)


def _failure(complaint: str, resource: str) -> Exception:
    last = (complaint.strip().splitlines() or ["no word"])[-1][:300]
    if any(text in complaint for text in _FULL):
        return OutOfSpace(last, resource=resource, hint="free space on the pool")
    return Unavailable(f"qemu-img: {last}", resource=resource, code="qemu_img")
