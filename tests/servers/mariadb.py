"""A private MariaDB from Debian's binaries: where CloudStack keeps what is imported."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from tests.servers.apt import Requirement, program
from tests.servers.ports import free_ports, listening
from tests.servers.process import ServerError, spawn, tail, wait_until
from tests.servers.server import Server

SHARED = Path("/usr/share/mysql")
_TABLES = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
)
_USER = "nobody"


class MariaDb(Server):
    """One MariaDB on loopback that does not wait for the disk; root needs no password."""

    requirement: ClassVar = Requirement(("mariadbd",), ("mariadb-server-core",))

    def start(self) -> None:
        """Create the system tables at the first start, then start it; below 3 s.

        Raises ServerError with the end of the log when it does not come up.
        """
        if not self.record():
            self._prepare()
        port = self.record()["port"]
        own = (f"--port={port}", f"--pid-file={self.data / 'pid'}")
        self.remember_processes(spawn([*self._command(), *own], self.log))
        wait_until(lambda: listening(port) or not self.alive(), f"MariaDB on {port}", 30)
        if not self.alive():
            raise ServerError(f"MariaDB did not start: {tail(self.log)}")

    def stop(self) -> None:
        for process in self.processes():
            process.stop(signal.SIGTERM)

    def exports(self) -> dict[str, str]:
        return {"STOWAGE_TEST_MARIADB_URL": f"mysql://root@127.0.0.1:{self.record()['port']}"}

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def _prepare(self) -> None:
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_USER)
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
        script = "CREATE DATABASE mysql;\nUSE mysql;\n"
        script += "\n".join((SHARED / name).read_text() for name in _TABLES)
        # the command line's own client would be one more package
        done = subprocess.run(
            [*self._command(), "--bootstrap", f"--log-error={self.data / 'bootstrap.log'}"],
            input=script.encode(),
            capture_output=True,
            timeout=60,
        )
        if done.returncode:
            raise ServerError(f"MariaDB made no tables: {tail(self.data / 'bootstrap.log')}")
        self.remember(port=free_ports(1)[0])

    def _command(self) -> list[str]:
        return [
            *_dropped(),
            program("mariadbd"),
            "--no-defaults",
            f"--datadir={self.data}",
            f"--socket={self.data / 's'}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
            "--character-set-server=utf8mb3",
        ]


def _dropped() -> list[str]:
    """It refuses to run as root."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam(_USER)
    ids = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}")
    return [program("setpriv"), *ids, "--clear-groups", "--"]
