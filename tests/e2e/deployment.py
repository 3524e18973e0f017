"""All services as processes of their own, on given RabbitMQ and PostgreSQL, as in production."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from stowage_runtime import keys

from tests.servers.ports import free_ports

PACKAGES = {
    "image-store": "image_store",
    "data-motion": "data_motion",
    "cache-autoscaler": "cache_autoscaler",
    "api-gateway": "api_gateway",
}
API_KEY = "an-api-key-for-tests-0123456789abcdef"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Backing:
    """Where the servers are that a deployment stands on."""

    database_url: str
    amqp_url: str
    management_url: str
    prefix: str


@dataclass
class Deployment:
    """Processes by name: the four services, and agents by ``agent:<host id>``."""

    folder: Path
    backing: Backing
    settings: dict[str, str] = field(default_factory=dict)
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    """Settings of one process, which go before those of all; an agent's are kept here."""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The gateway."""
        return f"{self._scheme}://localhost:{self.ports['api-gateway']}"

    @property
    def _scheme(self) -> str:
        return "https" if "STOWAGE_HTTP_CERT" in self.settings else "http"

    async def prepare(self) -> None:
        """Make keys, migrate every service."""
        keys.write(self.folder / "secrets")
        names = list(PACKAGES)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        await asyncio.gather(*map(self._migrate, names))

    async def _migrate(self, name: str) -> None:
        process = await self._spawn(name, PACKAGES[name], "migrate", self._env(name))
        async with asyncio.timeout(START_SECONDS):
            assert await process.wait() == 0, self.log(name)

    async def start(self, *names: str) -> None:
        """Start services and wait until each is ready."""
        for name in names:
            await self.launch(name)
        for name in names:
            await self.ready(name)

    async def launch(self, name: str) -> None:
        """Start a service, or an agent that was started before, and wait for nothing."""
        package = PACKAGES.get(name, "hypervisor_agent")
        self.processes[name] = await self._spawn(name, package, "run", self._env(name))

    async def ready(self, name: str) -> None:
        """Wait until ``/readyz`` says so."""
        url = f"{self._scheme}://localhost:{self.ports[name]}/readyz"
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await _answers(session, url):
                assert self.processes[name].returncode is None, self.log(name)
                await asyncio.sleep(0.1)

    async def start_agent(self, host_id: str, token: str = "", **settings: Any) -> None:
        """Start an agent; with a token it enrols first."""
        name = f"agent:{host_id}"
        if name not in self.ports:
            self.ports[name] = free_ports(1)[0]
        given = {f"STOWAGE_AGENT_{key.upper()}": _text(value) for key, value in settings.items()}
        self.own[name] = {
            **self.own.get(name, {}),
            "STOWAGE_AGENT_STATE_DIR": str(self.folder / "agents" / host_id),
            "STOWAGE_AGENT_GATEWAY_URL": self.url,
            "STOWAGE_AGENT_HOST_ID": host_id,
            "STOWAGE_AGENT_JOIN_TOKEN": token,
            **given,
        }
        await self.launch(name)
        await self.ready(name)

    async def check(self, name: str, **changed: str) -> tuple[int, str]:
        """Exit status and words of a service's ``check``, with some settings changed."""
        said = f"check-{len(list(self.folder.glob('check-*')))}"
        env = {**self._env(name), **changed}
        process = await self._spawn(said, PACKAGES[name], "check", env)
        async with asyncio.timeout(START_SECONDS):
            return await process.wait(), self.log(said)

    async def kill(self, name: str) -> None:
        """SIGKILL, and wait for the end."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def again(self, name: str) -> None:
        """SIGKILL and a start as it was started last; waits until it is ready."""
        await self.kill(name)
        await self.launch(name)
        await self.ready(name)

    async def stop(self, name: str, seconds: float = 30) -> int:
        """SIGTERM; the exit status."""
        process = self.processes.pop(name)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise

    async def stop_all(self) -> None:
        """End everything that still runs, agents first."""
        for name in reversed(list(self.processes)):
            await self.stop(name)

    def log(self, name: str) -> str:
        """What a process wrote."""
        path = self._log_path(name)
        return path.read_text() if path.exists() else ""

    def _log_path(self, name: str) -> Path:
        return self.folder / f"{name.replace(':', '-')}.log"

    def _env(self, name: str) -> dict[str, str]:
        management = self.backing.management_url if name == "api-gateway" else ""
        mine = {
            "STOWAGE_SECRETS_DIR": str(self.folder / "secrets"),
            "STOWAGE_DATABASE_URL": self.backing.database_url,
            "STOWAGE_AMQP_URL": self.backing.amqp_url,
            "STOWAGE_AMQP_MANAGEMENT_URL": management,
            "STOWAGE_BUS_PREFIX": self.backing.prefix,
            "STOWAGE_HTTP_PORT": str(self.ports[name]),
            "STOWAGE_ADMIN_API_KEY": API_KEY,
            "STOWAGE_ADMIN_SECRET_KEY": "unused",
            "STOWAGE_FETCH_ALLOW": "127.0.0.0/8",
            "STOWAGE_STOP_SECONDS": "10",
            **self.settings,
            **self.own.get(name, {}),
        }
        return {"PATH": os.environ["PATH"], **mine}

    async def _spawn(
        self, name: str, package: str, verb: str, env: dict[str, str]
    ) -> asyncio.subprocess.Process:
        with self._log_path(name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                package,
                verb,
                env=env,
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, ssl=False) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@asynccontextmanager
async def deployed(
    folder: Path, backing: Backing, names: Sequence[str] = tuple(PACKAGES)
) -> AsyncIterator[Deployment]:
    """A deployment with these services running; all ended afterwards, whatever happened."""
    deployment = Deployment(folder, backing)
    await deployment.prepare()
    try:
        await deployment.start(*names)
        yield deployment
    finally:
        await deployment.stop_all()
