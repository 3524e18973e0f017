"""VMs as processes of this host: confined, on a tap, killed with everything they began."""

import asyncio
import os
import pwd
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from stowage_contracts.errors import InvalidInput, Unavailable

from hypervisor_agent.machines import processes
from hypervisor_agent.machines.host import last_words, memory_available
from hypervisor_agent.machines.record import CONSOLE, DISK, ProcessMark, VmRecord
from hypervisor_agent.machines.runner import HostOptions, Vm
from hypervisor_agent.machines.taps import Taps, inside

TUN = Path("/dev/net/tun")
AT_ONCE = 0.15
"""Seconds within which a command line that is wrong has ended."""


class ProcessOptions(HostOptions):
    """Options of VMs that are processes of ours."""

    namespace: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")
    """Network namespace of the bridge, the taps and the VMs; empty: the host's own."""
    user: str = ""
    """Who they run as; empty: as the agent, without any capability."""


class Confined:
    """Starts and ends them.

    Each is the first process of a pid namespace of its own: when the outer process is killed, or
    the inner one ends, nothing of it is left. It has no capabilities and gains none by a program
    it runs; it leaves no core.
    """

    programs: tuple[str, ...] = ()
    """Which the host must have, beside those that confine."""

    def __init__(self, bridge: str, options: ProcessOptions) -> None:
        self._options = options
        self._user = _user(options.user) if options.user else None
        self._taps = Taps(bridge, options.namespace, options.user)

    async def check(self) -> None:
        """Bridge and programs. Raises Unavailable."""
        for program in ("unshare", "setpriv", "prlimit", "nsenter", *self.programs):
            processes.found(program)
        await self._taps.check()

    def memory_free(self) -> int:
        """Of the host."""
        return memory_available()

    async def begin(self, vm: Vm, argv: Sequence[str]) -> ProcessMark:
        """On a new tap. Raises Unavailable when it ends at once."""
        await self._taps.make(vm.record.vm_id)
        self._hand_over(vm.folder)
        pid = processes.begin((*self._wrapper(vm.folder), *argv), vm.folder)
        mark = processes.mark_of(pid)
        await asyncio.sleep(AT_ONCE)
        if mark is None or not processes.alive(mark):
            cause = last_words(vm.folder) or "it ended at once"
            raise Unavailable(cause, resource=f"transport_vm/{vm.record.vm_id}", code="vm_ended")
        return mark

    async def find(self, record: VmRecord, folder: Path) -> VmRecord | None:
        """With the outer process."""
        found = await asyncio.to_thread(processes.of_folder, folder)
        whole = {"started": True, "process": found[0]} if found else {}
        return record.model_copy(update=whole) if found else None

    async def runs(self, record: VmRecord) -> bool:
        """By pid, start time and boot."""
        return record.process is not None and processes.alive(record.process)

    async def memory(self, record: VmRecord) -> int:
        """Of all its processes."""
        if record.process is None or not await self.runs(record):
            return 0
        return await asyncio.to_thread(processes.memory, record.process.pid)

    async def end(self, vm_id: str, folder: Path) -> None:
        """Kill it, remove its tap."""
        await processes.end_all(folder)
        await self._taps.remove(vm_id)

    async def close(self) -> None:
        """Nothing is held."""

    def _wrapper(self, folder: Path) -> tuple[str, ...]:
        return (
            *inside(self._options.namespace),
            *("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
            *("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *(_become(self._user) if self._user else ()),
            *("--pdeathsig=KILL", "--"),
            *("env", f"--chdir={folder}", "prlimit", "--core=0", "--"),
        )

    def _hand_over(self, folder: Path) -> None:
        """To the user it runs as."""
        user = self._user
        if user is None:
            return
        if TUN.stat().st_mode & 0o006 != 0o006:
            hint = f"chmod 666 {TUN}, as udev does; a tap is still its owner's alone"
            raise Unavailable(f"{user.pw_name} can't open {TUN}", code="tun", hint=hint)
        (folder / CONSOLE).touch(mode=0o600)
        for path in (folder, folder / DISK, folder / CONSOLE):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _become(user: pwd.struct_passwd) -> tuple[str, ...]:
    return (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        hint = "make one that owns nothing, or leave the option user empty"
        raise InvalidInput(f"there is no user {name}", code="options", hint=hint) from None
