"""Agents as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hypervisor_agent.identity import Identity, keep

from tests.integration.hypervisor_agent.cloud import POOL


class AgentProcess:
    """One ``stowage-hypervisor-agent run``."""

    def __init__(
        self, identity: Identity, state: Path, pool: Path, environment: Mapping[str, str]
    ) -> None:
        keep(state, identity)
        pools = json.dumps([{"id": POOL, "name": "local", "root": str(pool)}])
        self.log = state / "agent.log"
        settings = {
            "STOWAGE_AGENT_STATE_DIR": str(state),
            "STOWAGE_AGENT_POOLS": pools,
            "STOWAGE_AGENT_HYPERVISOR": "fake",
            "STOWAGE_HTTP_PORT": "0",
            "STOWAGE_AGENT_HEARTBEAT_SECONDS": "0.5",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hypervisor_agent", "run"],
                stdout=log,
                stderr=log,
                env={**os.environ, **settings, **environment},
            )

    @property
    def peak_mib(self) -> float:
        """Most memory it ever had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(row for row in status.splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def kill(self) -> None:
        """kill -9; idempotent."""
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def wait(self) -> int:
        """Until it ends by itself."""
        return self._process.wait(30)


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@dataclass(frozen=True)
class Doorway:
    """Where an agent process is to have its door; the same after it was started again."""

    port: int = field(default_factory=free_port)

    @property
    def settings(self) -> dict[str, str]:
        """Of the process."""
        listen = f"127.0.0.1:{self.port}"
        return {"STOWAGE_AGENT_DOOR_LISTEN": listen, "STOWAGE_AGENT_DOOR_URL": self.base}

    @property
    def base(self) -> str:
        """What its links begin with."""
        return f"http://127.0.0.1:{self.port}"


class Spawn(Protocol):
    """Starts an agent on a pool."""

    def __call__(self, pool: Path, amqp_url: str = "", **environment: str) -> AgentProcess:
        """By another way to the broker, if one is given; ``environment`` adds settings."""
        ...
