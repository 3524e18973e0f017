"""A one-node Ceph in memory with its RADOS gateway: S3 and Swift v1 for the tests."""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path
from typing import ClassVar

from tests.servers.apt import Requirement, program
from tests.servers.ports import free_ports, listening
from tests.servers.process import Process, ServerError, run, tail, wait_until
from tests.servers.server import Server

MEMORY = 8 << 30
SETTINGS = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}/0]
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth allow insecure global id reclaim = false
keyring = {here}/keyring
run dir = {here}
admin socket =
log file = {here}/$name.log
pid file = {here}/$name.pid
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
[mon]
mon data = {here}/mon
[osd]
osd data = {here}/osd
osd objectstore = memstore
memstore device bytes = {memory}
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
rgw dns name = localhost
rgw thread pool size = 64
rgw run sync thread = false
rgw enable quota threads = false
# by default deleted data is kept for two hours, which fills so small a store
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw gc processor max time = 60
rgw gc max objs = 4
"""
KEYS = (
    ("mon.", "mon", "allow *"),
    ("client.admin", "mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    ("client.rgw", "mon", "allow rw", "osd", "allow rwx"),
    ("osd.0", "mon", "allow profile osd", "osd", "allow *"),
)


class Ceph(Server):
    """A monitor, a store in memory and an S3 gateway on loopback; made anew at each start."""

    requirement: ClassVar = Requirement(
        ("ceph-mon", "ceph-osd", "radosgw", "ceph", "radosgw-admin"),
        ("ceph-mon", "ceph-osd", "radosgw", "ceph-common"),
    )

    def start(self) -> None:
        """Make a new cluster and start it; below 5 s."""
        self._prepare()
        self._start_monitor()
        self._start_store()
        self._ceph("radosgw", "-n", "client.rgw")
        self._create_user()
        port = self.record()["gateway"]
        wait_until(lambda: listening(port), "the S3 gateway", 30)
        names = ("client.rgw", "osd.0", "mon.a")
        self.remember_processes(*(self._daemon(name) for name in names))

    def exports(self) -> dict[str, str]:
        facts = self.record()
        return {
            "STOWAGE_TEST_S3_ENDPOINT": f"http://127.0.0.1:{facts['gateway']}",
            "STOWAGE_TEST_S3_ACCESS_KEY": facts["access_key"],
            "STOWAGE_TEST_S3_SECRET_KEY": facts["secret_key"],
            "STOWAGE_TEST_RGW_AUTH_URL": f"http://127.0.0.1:{facts['gateway']}/auth/v1.0",
            "STOWAGE_TEST_RGW_USER": "tests:swift",
            "STOWAGE_TEST_RGW_KEY": facts["secret_key"],
        }

    def _prepare(self) -> None:
        monitor, gateway = free_ports(2)
        self.remember(
            fsid=str(uuid.uuid4()),
            monitor=monitor,
            gateway=gateway,
            access_key=secrets.token_hex(10).upper(),
            secret_key=secrets.token_hex(20),
        )
        settings = SETTINGS.format(here=self.directory, memory=MEMORY, **self.record())
        self._config.write_text(settings)
        for folder in ("mon", "osd"):
            (self.directory / folder).mkdir()
        self._create_keys()

    def _create_keys(self) -> None:
        keyring = self.directory / "keyring"
        keyring.touch(mode=0o600)
        for entity, *capabilities in KEYS:
            caps = [
                word
                for daemon, may in zip(capabilities[::2], capabilities[1::2], strict=True)
                for word in ("--cap", daemon, may)
            ]
            run([program("ceph-authtool"), keyring, "--gen-key", "-n", entity, *caps])

    def _start_monitor(self) -> None:
        facts = self.record()
        map_file = self.directory / "monmap"
        where = ("--addv", "a", f"[v2:127.0.0.1:{facts['monitor']}]")
        run([program("monmaptool"), "--create", "--fsid", facts["fsid"], *where, map_file])
        keyring = self.directory / "keyring"
        self._ceph("ceph-mon", "-i", "a", "--mkfs", "--monmap", map_file, "--keyring", keyring)
        self._ceph("ceph-mon", "-i", "a")

    def _start_store(self) -> None:
        identity = str(uuid.uuid4())
        self._ceph("ceph", "osd", "new", identity)
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._ceph("ceph-osd", "-i", "0")

    def _create_user(self) -> None:
        facts = self.record()
        access = (f"--access-key={facts['access_key']}", f"--secret-key={facts['secret_key']}")
        caps = "--caps=users=*"  # so that tests make users of their own
        self._admin("user", "create", "--display-name=tests", "--max-buckets=0", caps, *access)
        swift = ("--subuser=tests:swift", "--access=full", "--key-type=swift")
        self._admin("subuser", "create", *swift, f"--secret-key={facts['secret_key']}")

    def _admin(self, *words: str) -> None:
        self._ceph("radosgw-admin", *words[:2], "--uid=tests", *words[2:])

    def _ceph(self, name: str, *arguments: str | Path) -> None:
        run([program(name), "-c", self._config, *arguments])

    def _daemon(self, name: str) -> Process:
        process = Process.find(int((self.directory / f"{name}.pid").read_text()))
        if process is None:
            raise ServerError(f"Ceph's {name} ended: {tail(self.directory / f'{name}.log')}")
        return process

    @property
    def _config(self) -> Path:
        return self.directory / "ceph.conf"
