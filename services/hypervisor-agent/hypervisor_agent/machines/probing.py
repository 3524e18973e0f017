"""Probes of NFS servers by a real mount and lookup, each in a thread of its own."""

import asyncio
import ctypes
import errno
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from stowage_contracts.errors import Problem, StowageError, Unavailable
from stowage_stores.nfs.connecting import LOST, connect, lost
from stowage_stores.nfs.layouts import Stat
from stowage_stores.nfs.url import NfsUrl

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.machines.health import Health

LISTENS_SECONDS = 0.3
"""How long a server may take to take a connection; asked before libnfs, which waits longer."""
LOOK_SECONDS = 1.0
"""How long a look waits for answers; later ones count for the next."""
NO_SUCH_NAME = b"/.stowage-probe"


class Probes:
    """At most one under way for each VM; a server that hangs holds up its own only."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._health: dict[str, Health] = {}
        self._running: dict[str, tuple[float, asyncio.Task[None]]] = {}

    def health(self, vm_id: str) -> Health:
        """What is known of a VM."""
        return self._health.setdefault(vm_id, Health())

    async def look(self, urls: Mapping[str, str]) -> None:
        """Ask the server of each VM; those that are slow are heard the next time."""
        for vm_id in self._health.keys() - urls.keys():
            del self._health[vm_id]
        for vm_id, url in urls.items():
            if vm_id not in self._running:
                task = asyncio.create_task(self._probe(vm_id, NfsUrl.parse(url)))
                self._running[vm_id] = (time.monotonic(), task)
        asked = [task for vm_id, (_, task) in self._running.items() if vm_id in urls]
        if asked:
            await asyncio.wait(asked, timeout=min(LOOK_SECONDS, self._seconds))
        self._note_slow()

    async def close(self) -> None:
        """Hear no more; a thread that is stuck ends when its call does."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, vm_id: str, url: NfsUrl) -> None:
        begun, threads = time.monotonic(), Threads(1, "vm-probe")
        try:
            await threads.run(probe, url, self._seconds)
        except StowageError as error:
            self.health(vm_id).failed(error.problem, begun)
        except Exception as error:
            cause = f"the probe broke ({type(error).__name__}: {error})"
            self.health(vm_id).failed(Unavailable(cause, code="probe").problem, begun)
        else:
            self.health(vm_id).answered()
        finally:
            threads.close()
            self._running.pop(vm_id, None)

    def _note_slow(self) -> None:
        now = time.monotonic()
        for vm_id, (begun, _) in self._running.items():
            if now - begun >= self._seconds:
                self.health(vm_id).failed(_slow(), begun)


def probe(url: NfsUrl, seconds: float) -> None:
    """A mount and a lookup. Blocks for a few times ``seconds``. Raises Unavailable."""
    try:
        with socket.create_connection((url.server, url.nfsport), LISTENS_SECONDS):
            pass
    except OSError as error:
        cause = error.strerror or "it takes no connection"
        raise Unavailable(cause, resource=url.shown, code="server") from error
    connection = connect(url, seconds)
    try:
        connection.call("nfs_stat64", NO_SUCH_NAME, ctypes.byref(Stat()))
    except OSError as error:
        if error.errno in LOST:
            raise lost(error, url) from error
        if error.errno != errno.ENOENT:
            cause = error.strerror or "a lookup failed"
            raise Unavailable(cause, resource=url.shown, code="lookup") from error
    finally:
        with suppress(OSError):
            connection.close()


def _slow() -> Problem:
    return Unavailable("its NFS server does not answer", code="stuck").problem
