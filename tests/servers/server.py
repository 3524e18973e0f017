"""What every test server has in common: one directory, one record, start, stop and exports."""

from __future__ import annotations

import json
import shutil
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.apt import Requirement
from tests.servers.process import Process


class Server(ABC):
    """One private server; all it knows lies in its directory, so any process may stop it."""

    requirement: ClassVar[Requirement]

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @abstractmethod
    def start(self) -> None:
        """Start and wait until it answers, on the ports and data it had before, if any."""

    @abstractmethod
    def exports(self) -> dict[str, str]:
        """The environment by which tests find it, its main address first."""

    @property
    def url(self) -> str:
        """Its main address."""
        return next(iter(self.exports().values()))

    def stop(self) -> None:
        """Stop in order, keeping ports and data."""
        for process in self.processes():
            process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        for process in self.processes():
            process.stop(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def alive(self) -> bool:
        processes = self.processes()
        return bool(processes) and all(process.alive() for process in processes)

    def destroy(self) -> None:
        """End it at once and remove everything it left."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self) -> list[Process]:
        """The processes it started, in the order in which they are to be stopped."""
        return [Process(*pair) for pair in self.record().get("processes", [])]

    def record(self) -> dict[str, Any]:
        """What it wrote about itself; empty before its first start."""
        file = self.directory / "server.json"
        known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return known

    def remember(self, **facts: Any) -> None:
        """Add facts to the record."""
        (self.directory / "server.json").write_text(json.dumps(self.record() | facts))

    def remember_processes(self, *processes: Process) -> None:
        self.remember(processes=[(process.pid, process.started) for process in processes])
