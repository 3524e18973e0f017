"""The composed system on a Docker engine: a project of its own, and what is done to it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stowage_client.client import Client

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("api-gateway", "image-store", "data-motion", "cache-autoscaler", "hypervisor-agent")
PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Where Docker puts its networks; our source is served on one of them."""


class ComposeError(RuntimeError):
    """A docker command failed; the text is what it said."""


@dataclass(frozen=True)
class Composed:
    """One compose project. Images are tagged with its name, and go with it."""

    project: str
    port: int
    door: int
    """Published port of the agent's door."""
    docker_host: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings of the compose file, beside what Docker's own command needs."""
        images = {
            f"{name.upper().replace('-', '_')}_IMAGE": f"{self.project}/{name}:test"
            for name in SERVICES
        }
        mine = {"DOCKER_HOST": self.docker_host, "DOCKER_BUILDKIT": "1", **images}
        ports = {"STOWAGE_PORT": str(self.port), "STOWAGE_DOOR_PORT": str(self.door)}
        settings = {**ports, "STOWAGE_FETCH_ALLOW": PRIVATE}
        return {**os.environ, **mine, **settings}

    async def compose(self, *arguments: str, seconds: float = 120) -> str:
        """What ``docker compose`` printed. Raises ComposeError."""
        return await self.docker("compose", "-p", self.project, *arguments, seconds=seconds)

    async def docker(self, *arguments: str, seconds: float = 60) -> str:
        """What ``docker`` printed. Raises ComposeError, also after ``seconds``."""
        process = await asyncio.create_subprocess_exec(
            "docker",
            *arguments,
            cwd=ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(seconds):
                said, complained = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise ComposeError(f"docker {' '.join(arguments)}: not done in {seconds} s") from None
        if process.returncode:
            raise ComposeError(f"docker {' '.join(arguments)}: {complained.decode()[-4000:]}")
        return said.decode()

    async def secret(self, name: str) -> str:
        """One of the secrets that were made."""
        path = f"/var/lib/stowage/secrets/stowage_{name}"
        return await self.compose("exec", "-T", "api-gateway", "cat", path)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """The admin."""
        key = await self.secret("admin_api_key")
        async with Client(f"http://127.0.0.1:{self.port}", key) as client:
            yield client

    async def host_address(self) -> str:
        """This machine, as the containers reach it."""
        told = await self.docker("network", "inspect", f"{self.project}_default")
        return str(json.loads(told)[0]["IPAM"]["Config"][0]["Gateway"])

    async def python(self, service: str, program: str) -> str:
        """What a few lines of Python print in the container of a running service."""
        return await self.compose("exec", "-T", service, "python3", "-c", program)

    async def up(self) -> None:
        """Build every image, start everything, wait until it is ready."""
        await self.compose("build", seconds=400)
        try:
            await self.compose("up", "--wait", "--wait-timeout", "150", seconds=200)
        except ComposeError as error:
            logs = await self.compose("logs", "--no-color", "--tail", "30")
            raise ComposeError(f"{error}\n{logs[-12_000:]}") from None

    async def down(self) -> None:
        """Remove containers, volumes, networks and the images that were built."""
        await self.compose("down", "-v", "--timeout", "10", seconds=150)
        tags = [f"{self.project}/{name}:test" for name in SERVICES]
        await self.docker("image", "rm", "-f", *tags)
