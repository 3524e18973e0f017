"""Each service installs alone into an empty environment and serves, given only two URLs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from stowage_runtime import keys

from tests.deploy.composed import SERVICES
from tests.deploy.installed import Installed, Wheelhouse
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
START_SECONDS = 60.0


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    return Wheelhouse.filled(tmp_path_factory.mktemp("wheels"), SERVICES)


@dataclass(frozen=True)
class Given:
    """What an operator hands a service."""

    folder: Path
    database_url: str
    amqp_url: str
    prefix: str
    port: int

    def environment(self) -> dict[str, str]:
        """Settings, and nothing of this process's own."""
        return {
            "PATH": os.environ["PATH"],
            "STOWAGE_SECRETS_DIR": str(self.folder / "secrets"),
            "STOWAGE_DATABASE_URL": self.database_url,
            "STOWAGE_AMQP_URL": self.amqp_url,
            "STOWAGE_BUS_PREFIX": self.prefix,
            "STOWAGE_HTTP_PORT": str(self.port),
            "STOWAGE_AGENT_STATE_DIR": str(self.folder / "agent"),
        }

    def enrol(self) -> None:
        """The identity an agent would have been given by a gateway."""
        identity = {
            "host_id": "h1",
            "name": "h1",
            "hypervisor": "KVM",
            "location": {"zone_id": "z1", "host_id": "h1"},
            "amqp_url": self.amqp_url,
            "bus_prefix": self.prefix,
            "ticket_verify_key": keys.make()["stowage_ticket_verify_key"],
        }
        (self.folder / "agent").mkdir(mode=0o700)
        (self.folder / "agent" / "identity.json").write_text(json.dumps(identity))


@pytest.fixture
def given(tmp_path: Path, database_url: str, rabbitmq_url: str, bus_prefix: str) -> Given:
    keys.write(tmp_path / "secrets")
    found = Given(tmp_path, database_url, rabbitmq_url, bus_prefix, free_ports(1)[0])
    found.enrol()
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_installed_alone_becomes_ready(
    service: str, wheelhouse: Wheelhouse, given: Given
) -> None:
    installed = wheelhouse.install(service, given.folder / "environment")
    installed.check()
    others = {f"stowage-{name}" for name in SERVICES if name != service}
    assert installed.packages() & (others | {"pytest", "mypy", "ruff", "hatchling"}) == set()
    log = given.folder / "log"
    if service != "hypervisor-agent":
        migrating = await installed.start("migrate", given.environment(), log)
        async with asyncio.timeout(START_SECONDS):
            assert await migrating.wait() == 0, log.read_text()
    async with _running(installed, given, log) as process:
        await _ready(given.port, process, log)
        assert await _health(given, installed) == 0
    assert process.returncode == 0, log.read_text()
    assert await _health(given, installed) == 1


@asynccontextmanager
async def _running(
    installed: Installed, given: Given, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await installed.start("run", given.environment(), log)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(40):
            await process.wait()


async def _ready(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None, log.read_text()
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def _health(given: Given, installed: Installed) -> int:
    """How the image's health check judges it."""
    process = await asyncio.create_subprocess_exec(
        installed.folder / "bin" / Path(sys.executable).name,
        *("-m", "stowage_runtime.healthcheck", "/readyz"),
        env=given.environment(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()
