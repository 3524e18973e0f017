"""The service on a real database, and a place for a cache of every built-in provider."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stowage_contracts.grants import Grant
from stowage_contracts.testing.grant_client import FileClient, GrantClient, HttpClient
from stowage_runtime.testing.bench import ServiceBench
from stowage_stores.memory import MemoryDriver

from tests.contract.stores.nfs_store import NfsClient
from tests.servers.nfs import Share
from tests.servers.s3 import S3Server
from tests.unit.cache_autoscaler.scene import Scene, opened_scene

PART = 8 << 20


@dataclass
class Place:
    """What AddStore says of a cache, and who uses its grants as an agent would."""

    provider: str
    settings: dict[str, Any]
    scheme: str
    client: GrantClient
    secret: bytes = b""
    files: Path | None = None
    """Where its bytes can be looked at, and changed."""


class ShelfClient:
    """Opens memory grants of whatever driver the service has open."""

    enforces = True

    def __init__(self, bench: ServiceBench[Any]) -> None:
        self._stores = bench.service.deps.stores

    def _driver(self) -> MemoryDriver:
        ((_, driver),) = self._stores._open.values()
        assert isinstance(driver, MemoryDriver)
        return driver

    async def read(self, grant: Grant, offset: int, length: int) -> bytes:
        return self._driver().shelf.read(grant, offset, length)

    async def write(self, grant: Grant, offset: int, data: bytes) -> None:
        self._driver().shelf.write(grant, offset, data)


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncIterator[Scene]:
    async with opened_scene(tmp_path, database_url) as scene:
        yield scene


@pytest.fixture(params=["directory", "memory", "NFS", "S3"])
def place(request: pytest.FixtureRequest, scene: Scene) -> Place:
    make = {"directory": _directory, "memory": _memory, "NFS": _nfs, "S3": _s3}
    return make[request.param](request, scene)


def _directory(request: pytest.FixtureRequest, scene: Scene) -> Place:
    root = scene.folder / "cache"
    root.mkdir()
    return Place("directory", {"root": str(root)}, "file", FileClient(), files=root)


def _memory(request: pytest.FixtureRequest, scene: Scene) -> Place:
    return Place("memory", {"shelf": "one"}, "memory", ShelfClient(scene.bench))


def _nfs(request: pytest.FixtureRequest, scene: Scene) -> Place:
    share: Share = request.getfixturevalue("nfs_share")
    return Place("NFS", {"url": share.url}, "nfs", NfsClient(), files=share.folder)


def _s3(request: pytest.FixtureRequest, scene: Scene) -> Place:
    server: S3Server = request.getfixturevalue("s3_server")
    settings = {
        "endpoint": server.endpoint,
        "bucket": request.getfixturevalue("s3_bucket"),
        "access_key": server.access_key,
        "part_bytes": PART,
    }
    secret = json.dumps({"secret_key": server.secret_key}).encode()
    return Place("S3", settings, "http", HttpClient(), secret)
