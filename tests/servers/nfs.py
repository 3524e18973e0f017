"""A private NFS server in user space (nfs-ganesha): one export with room, and one that is tiny."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from tests.servers.apt import PLACES, Requirement
from tests.servers.ports import free_ports, listening
from tests.servers.process import Process, ServerError, run, spawn, tail, wait_until
from tests.servers.server import Server

LIBRARIES = ("libnfs.so.13", "libnfs.so.14")
PLUGINS = Path("/usr/lib")
SMALL_BYTES = 8 << 20
SETTINGS = """\
NFS_CORE_PARAM {{
    Protocols = 3, 4; NFS_Port = {nfs}; MNT_Port = {mount}; Bind_addr = 127.0.0.1;
    Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = false;
    Plugins_Dir = {plugins}; fsid_device = false;
}}
NFSV4 {{ Graceless = true; RecoveryRoot = {here}/recovery; Minor_Versions = 0, 1, 2; }}
EXPORT_DEFAULTS {{
    Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 3, 4;
    Attr_Expiration_Time = 0;
    MaxRead = 1048576; MaxWrite = 1048576; PrefRead = 1048576; PrefWrite = 1048576;
}}
EXPORT {{ Export_Id = 1; Path = {here}/export; Pseudo = /export; FSAL {{ Name = VFS; }} }}
EXPORT {{ Export_Id = 2; Path = {here}/small; Pseudo = /small; FSAL {{ Name = VFS; }} }}
EXPORT {{
    Export_Id = 3; Path = {here}/readonly; Pseudo = /readonly; Access_Type = RO;
    FSAL {{ Name = VFS; }}
}}
LOG {{ Default_Log_Level = EVENT; }}
"""
# Ganesha insists on a portmapper. This one is heard by nobody else: its port is in a network of
# its own, and its socket in a /run that only these two see.
START = """\
mount -t tmpfs -o mode=755 none /run && mkdir /run/rpcbind /run/ganesha || exit 1
unshare -n rpcbind -f &
echo $! >"$1/rpcbind.pid"
for _ in $(seq 100); do [ -S /run/rpcbind.sock ] && break; sleep 0.05; done
exec ganesha.nfsd -F -f "$1/ganesha.conf" -L "$1/ganesha.log" -p "$1/ganesha.pid"
"""


@dataclass(frozen=True)
class Share:
    """One folder of an export."""

    url: str
    folder: Path
    """The same, on the server's own disk."""


class NfsRequirement(Requirement):
    """Server, its plug-in for folders, and the client library the drivers use."""

    def missing(self) -> list[str]:
        plugin = [] if _plugins() else ["libfsalvfs.so"]
        return [*super().missing(), *plugin, *([] if _library() else ["libnfs.so"])]


class Nfs(Server):
    """NFS v3 and v4 on loopback, at fixed ports; needs root. Its exports survive restarts."""

    requirement: ClassVar = NfsRequirement(
        ("ganesha.nfsd", "rpcbind", "unshare", "mount"),
        ("nfs-ganesha", "nfs-ganesha-vfs", "rpcbind", "^libnfs1[34]$"),
    )

    def start(self) -> None:
        """Below 1 s. Raises ServerError with the end of the log when it does not come up."""
        if os.geteuid():
            raise ServerError("an NFS server of the tests needs root")
        if not self.record():
            self._prepare()
        (self.directory / "rpcbind.pid").unlink(missing_ok=True)
        port = self.record()["nfs"]
        log, env = self.directory / "ganesha.log", os.environ | {"PATH": PLACES}
        started = spawn(["unshare", "-m", "sh", "-c", START, "nfs", self.directory], log, env)
        try:
            wait_until(lambda: listening(port) or not started.alive(), "the NFS server", 20)
        finally:
            self.remember_processes(started, *self._portmapper())
        if not started.alive():
            raise ServerError(f"the NFS server ended: {tail(log)}")

    def stop(self) -> None:
        """Nothing it answered for is lost; ganesha's own orderly end takes seconds."""
        self.kill()

    def freeze(self) -> None:
        """It keeps its connections and answers nobody, until `thaw`."""
        self.processes()[0].freeze()

    def thaw(self) -> None:
        """As if nothing had been."""
        self.processes()[0].thaw()

    def destroy(self) -> None:
        self.kill()
        if (self.directory / "small").is_mount():
            run(["umount", "-l", self.directory / "small"])
        super().destroy()

    def share(self, name: str) -> Share:
        """`export`, `small` (a disk of 8 MiB), `readonly`, or a folder below one of them."""
        return Share(self.url_of(name), self.directory / name)

    def exports(self) -> dict[str, str]:
        return {
            "STOWAGE_TEST_NFS_URL": self.url_of("export"),
            "STOWAGE_TEST_NFS_FOLDER": str(self.directory / "export"),
        }

    def url_of(self, name: str) -> str:
        """Of an export, or a folder below it, as for `share`."""
        facts = self.record()
        where = f"127.0.0.1:{facts['nfs']}{quote(str(self.directory / name))}"
        return f"nfs://{where}?version=3&mountport={facts['mount']}"

    def _prepare(self) -> None:
        nfs, mount = free_ports(2)
        self.remember(nfs=nfs, mount=mount)
        for folder in ("export", "small", "readonly", "recovery"):
            (self.directory / folder).mkdir()
        size = f"size={SMALL_BYTES},mode=755"
        run(["mount", "-t", "tmpfs", "-o", size, "none", self.directory / "small"])
        facts = {"here": self.directory, "plugins": _plugins(), "nfs": nfs, "mount": mount}
        (self.directory / "ganesha.conf").write_text(SETTINGS.format(**facts))

    def _portmapper(self) -> list[Process]:
        file = self.directory / "rpcbind.pid"
        found = Process.find(int(file.read_text())) if file.exists() else None
        return [found] if found else []


@contextmanager
def fresh_share(exports: Mapping[str, str]) -> Iterator[Share]:
    """A new folder of the server those exports tell of, which is removed afterwards."""
    address, _, options = exports["STOWAGE_TEST_NFS_URL"].partition("?")
    name = f"test-{secrets.token_hex(6)}"
    folder = Path(exports["STOWAGE_TEST_NFS_FOLDER"]) / name
    folder.mkdir()
    try:
        yield Share(f"{address}/{name}?{options}", folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plugins() -> Path | None:
    found = next(PLUGINS.glob("*/ganesha/libfsalvfs.so"), None)
    return found.parent if found else None


def _library() -> bool:
    for name in LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
