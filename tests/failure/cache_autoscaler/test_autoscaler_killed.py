"""cache-autoscaler killed while its fleet comes, grows and goes: nothing twice, nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stowage_contracts.messages.cache_autoscaler import CacheFleetRemoved
from stowage_runtime import keys
from stowage_runtime.testing.eventually import eventually

from tests.integration.cache_autoscaler.fleets_cloud import FleetCloud, Servers, fleet_cloud

SETTINGS = {
    "STOWAGE_MIGRATE_ON_START": "true",
    "STOWAGE_HTTP_PORT": "0",
    "STOWAGE_FLEET_MISSING_SECONDS": "2",
    "STOWAGE_FLEET_STRANGER_SECONDS": "1",
    "STOWAGE_FLEET_BACK_OFF_SECONDS": "0.2",
}


@dataclass
class Autoscaler:
    """One process, begun and killed at will."""

    folder: Path
    env: dict[str, str]
    process: Process | None = None

    async def start(self) -> None:
        with (self.folder / "autoscaler.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cache_autoscaler",
                "run",
                env=self.env,
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


@pytest.fixture
async def autoscaler(
    tmp_path: Path, database_url: str, rabbitmq_url: str, bus_prefix: str
) -> AsyncIterator[Autoscaler]:
    keys.write(tmp_path / "secrets")
    env = {
        "PATH": os.environ["PATH"],
        "STOWAGE_SECRETS_DIR": str(tmp_path / "secrets"),
        "STOWAGE_DATABASE_URL": database_url,
        "STOWAGE_AMQP_URL": rabbitmq_url,
        "STOWAGE_BUS_PREFIX": bus_prefix,
        **SETTINGS,
    }
    made = Autoscaler(tmp_path, env)
    yield made
    await made.kill()


@pytest.fixture
async def fleets(
    autoscaler: Autoscaler,
    rabbitmq_url: str,
    rabbitmq_management_url: str,
    bus_prefix: str,
    tmp_path: Path,
) -> AsyncIterator[FleetCloud]:
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    servers = Servers(rabbitmq_url, rabbitmq_management_url, bus_prefix)
    async with fleet_cloud(servers, made, tmp_path) as cloud:
        yield cloud


async def test_killed_again_and_again_its_fleet_is_what_was_wished(
    autoscaler: Autoscaler, fleets: FleetCloud
) -> None:
    await autoscaler.start()
    async with fleets.host(boot_seconds=1.0):
        await fleets.wish(minimum=2)
        await eventually(lambda: bool(fleets.running()), seconds=30)
        await again(autoscaler)
        await eventually(lambda: fleets.offered() == 2, seconds=30)
        first = fleets.running()
        assert len(first) == 2
        await fleets.wish(minimum=3)
        await eventually(lambda: len(fleets.running()) == 3, seconds=30)
        await again(autoscaler)
        await eventually(lambda: fleets.offered() == 3, seconds=30)
        assert set(first) < set(fleets.running())
        await fleets.remove()
        await eventually(lambda: len(fleets.running()) < 3, seconds=30)
        await again(autoscaler)
        await fleets.until(CacheFleetRemoved)
        assert fleets.running() == []
        assert len(fleets.removed()) == len(set(fleets.removed())) == 3


async def again(autoscaler: Autoscaler) -> None:
    """SIGKILL, and a new start."""
    await autoscaler.kill()
    await autoscaler.start()
