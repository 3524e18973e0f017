"""A deployment to be broken, once for each module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.e2e.conftest import backing
from tests.e2e.deployment import PACKAGES, Backing, Deployment
from tests.e2e.operator import HOST, POOL, Operator
from tests.e2e.tap import tapped
from tests.failure.objects.stage import Stage
from tests.failure.objects.tripwire import Tripwire
from tests.servers.ports import free_ports
from tests.servers.s3 import S3Server, fresh_bucket

__all__ = ["backing"]
SETTINGS = {"STOWAGE_INSPECT_SECONDS": "3", "STOWAGE_FINDING_GRACE_SECONDS": "0"}
"""An agent that died while it read is replaced soon; what two scans saw has no grace."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing, s3_server: S3Server
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("deployment")
    deployment = Deployment(folder, backing, SETTINGS)
    (port,) = free_ports(1)
    s3 = urlsplit(s3_server.endpoint)
    await deployment.prepare()
    try:
        await deployment.start(*PACKAGES)
        async with (
            Operator.of(deployment) as operator,
            tapped(backing, (HOST,)) as tap,
            fresh_bucket(s3_server) as bucket,
            fresh_bucket(s3_server) as imports,
            Tripwire(str(s3.hostname), s3.port or 80) as wire,
            Tripwire("127.0.0.1", port) as door,
        ):
            agent = _agent(folder, port, door.port)
            stage = Stage(operator, tap, wire, door, s3_server, bucket, imports, agent)
            await _furnish(stage)
            yield stage
    finally:
        await deployment.stop_all()


def _agent(folder: Path, port: int, door: int) -> dict[str, object]:
    return {
        "pools": [{"id": POOL, "name": POOL, "root": str(folder / POOL)}],
        "roots": [str(folder)],
        "door_listen": f"127.0.0.1:{port}",
        "door_url": f"http://127.0.0.1:{door}",
    }


async def _furnish(stage: Stage) -> None:
    operator, server = stage.operator, stage.server
    await operator.places()
    await operator.directory_store()
    await operator.host(HOST, POOL, **stage.agent)
    settings = {
        "endpoint": f"http://127.0.0.1:{stage.wire.port}",
        "bucket": stage.bucket,
        "region": server.region,
    }
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    body = {"id": "rgw", "name": "rgw", "provider": "S3", "settings": settings, "secrets": keys}
    await operator.call("POST", "stores", body)
    store = await operator.settle("stores/rgw")
    assert store["state"] == "Up", store["error"]
