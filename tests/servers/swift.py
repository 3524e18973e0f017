"""OpenStack Swift, all in one place: tempauth, TempURLs, large objects and its S3 dialect."""

from __future__ import annotations

import getpass
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from typing import ClassVar

from tests.servers.apt import Requirement, program
from tests.servers.ports import free_ports, listening
from tests.servers.process import Process, ServerError, poll, run, spawn, tail
from tests.servers.server import Server
from tests.servers.venvs import venv

COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {here}/etc
user = {user}
workers = 0
log_level = WARNING
backlog = 4096
"""
BACK = """\
devices = {here}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {role}-server
[app:{role}-server]
use = egg:swift#{role}
network_chunk_size = 1048576
disk_chunk_size = 1048576
[{role}-replicator]
[{role}-updater]
[{role}-auditor]
"""
PROXY = """\
client_chunk_size = 1048576
object_chunk_size = 1048576
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl {auth} \
copy container-quotas account-quotas slo dlo symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
"""
TEMPAUTH = """\
[filter:tempauth]
use = egg:swift#tempauth
user_tests_owner = {key} .admin
user_quotas_owner = {key} .admin
user_tests_reseller = {key} .reseller_admin .admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = true
location = us-east-1
auth_pipeline_check = false
cors_preflight_allow_origin =
max_upload_part_num = 10000
"""
HASHES = """\
[swift-hash]
swift_hash_path_prefix = tests
swift_hash_path_suffix = tests
[storage-policy:0]
name = gold
default = yes
"""
RINGS = """\
import sys
from swift.common.ring import RingBuilder
folder, ports = sys.argv[1], sys.argv[2:]
for kind, port in zip(("account", "container", "object"), map(int, ports)):
    ring = RingBuilder(4, 1, 0)
    place = {"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": ""}
    at = {"ip": "127.0.0.1", "port": port}
    ring.add_dev({**place, **at, "replication_ip": at["ip"], "replication_port": port})
    ring.rebalance()
    ring.get_ring().save(f"{folder}/{kind}.ring.gz")
"""
ROLES = ("proxy", "account", "container", "object")


class Swift(Server):
    """One proxy and one copy of everything on loopback; data and ports outlive a restart."""

    requirement: ClassVar = Requirement(("memcached", "eatmydata"), ("memcached", "eatmydata"))
    packages: ClassVar = "swift"
    auth: ClassVar = "s3api tempauth"

    def start(self) -> None:
        """Start memcached and the four servers; 3 s once its programs are there.

        Raises ServerError with the end of a log when one does not come up.
        """
        if not self.record():
            self._prepare()
        self.remember_processes(*self.start_parts())
        if not poll(lambda: self._listening() or not self.alive(), 60) or not self.alive():
            logs = (self.directory / f"{role}.log" for role in ROLES)
            raise ServerError(f"Swift did not start: {' | '.join(map(tail, logs))}")

    def exports(self) -> dict[str, str]:
        facts = self.record()
        address = f"http://127.0.0.1:{facts['ports']['proxy']}"
        return {
            "STOWAGE_TEST_SWIFT_AUTH_URL": f"{address}/auth/v1.0",
            "STOWAGE_TEST_SWIFT_USER": "tests:owner",
            "STOWAGE_TEST_SWIFT_KEY": facts["key"],
        }

    def start_parts(self) -> list[Process]:
        """Start every process, the proxy first in the list."""
        log, ports = self.directory / "memcached.log", self.record()["ports"]
        where = ("-l", "127.0.0.1", "-p", str(ports["cache"]), "-U", "0", "-m", "64")
        cache = spawn([program("memcached"), "-u", getpass.getuser(), *where], log)
        return [*(self._spawn(role) for role in ROLES), cache]

    def auth_settings(self) -> str:
        """The proxy's filters that know users."""
        return TEMPAUTH.format(key=self.record()["key"])

    def _prepare(self) -> None:
        names = (*ROLES, "cache", "keystone")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.remember(ports=ports, key=secrets.token_hex(20))
        for folder in ("etc", "devices/d1"):
            (self.directory / folder).mkdir(parents=True)
        (self.etc / "swift.conf").write_text(HASHES)
        for role in ROLES:
            self._write_settings(role)
        made = [str(ports[role]) for role in ROLES[1:]]
        run([venv(self.packages) / "python", "-c", RINGS, self.etc, *made])

    def _write_settings(self, role: str) -> None:
        ports = self.record()["ports"]
        own = PROXY if role == "proxy" else BACK
        facts = {
            "here": self.directory,
            "user": getpass.getuser(),
            "port": ports[role],
            "cache": ports["cache"],
            "role": role,
            "auth": self.auth,
        }
        text = (COMMON + own).format(**facts) + (self.auth_settings() if role == "proxy" else "")
        file = self.etc / f"{role}.conf"
        file.touch(mode=0o600)
        file.write_text(text)

    def _spawn(self, role: str) -> Process:
        server = venv(self.packages) / f"swift-{role}-server"
        # unsynced, a request takes a tenth of the time; no test ends the machine
        settings, log = self.etc / f"{role}.conf", self.directory / f"{role}.log"
        return spawn([program("eatmydata"), server, settings, "-v"], log)

    def _listening(self) -> bool:
        ports = self.record()["ports"]
        return all(listening(ports[role]) for role in ROLES) and self._answers()

    def _answers(self) -> bool:
        address = f"http://127.0.0.1:{self.record()['ports']['proxy']}/healthcheck"
        try:
            with urllib.request.urlopen(address, timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    @property
    def etc(self) -> Path:
        """Where its settings lie."""
        return self.directory / "etc"
