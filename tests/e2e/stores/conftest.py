"""One deployment with a region-wide store on Ceph RGW, one on Swift and one on an NFS export."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.stores.swift_store import LINK_KEY
from tests.e2e.operator import Operator
from tests.servers.nfs import Nfs
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.swift_server import SwiftServer, fresh_container

SECONDS = 90
WRONG = "canary-of-a-wrong-key-3b9a"
"""A key no server knows."""


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """What ``look`` finds once it finds something."""
    found: Any = None
    try:
        async with asyncio.timeout(SECONDS):
            while not (found := await look()):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None
    return found


async def ready_on(operator: Operator, template_id: str, *stores: str) -> dict[str, Any]:
    """The template once it is Ready on exactly these stores."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await operator.call("GET", f"templates/{template_id}")
        states = {one["store_id"]: one["state"] for one in found["replicas"]}
        return found if states == dict.fromkeys(stores, "Ready") else None

    result: dict[str, Any] = await until(look, f"{template_id} on {stores}")
    return result


@pytest.fixture(scope="module")
def nfs_server(servers: Any) -> Nfs:
    """An NFS server of this module alone, which its tests may stop."""
    server = servers.private("nfs")
    assert isinstance(server, Nfs)
    return server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(
    operator: Operator, s3_server: S3Server, swift_server: SwiftServer, nfs_server: Nfs
) -> AsyncIterator[Operator]:
    """Stores ``rgw``, ``swift`` and ``nfs``, all region-wide."""
    async with fresh_bucket(s3_server) as bucket, fresh_container(swift_server) as container:
        await add_rgw(operator, s3_server, bucket)
        await add_swift(operator, swift_server, container)
        share = nfs_server.share("export")
        folder = share.folder / secrets.token_hex(4)
        folder.mkdir()
        await add(operator, "nfs", "NFS", {"url": nfs_server.url_of(f"export/{folder.name}")})
        yield operator


async def add_rgw(operator: Operator, server: S3Server, bucket: str) -> None:
    """Store ``rgw`` in a bucket."""
    settings = {"endpoint": server.endpoint, "bucket": bucket, "region": server.region}
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    await add(operator, "rgw", "S3", settings, keys)


async def add_swift(
    operator: Operator, server: SwiftServer, container: str, store_id: str = "swift"
) -> None:
    """A store in a container."""
    settings = {"auth_url": server.auth_url, "user": server.user, "container": container}
    await add(operator, store_id, "Swift", settings, {"key": server.key, "temp_url_key": LINK_KEY})


async def add(
    operator: Operator,
    store_id: str,
    provider: str,
    settings: dict[str, Any],
    keys: dict[str, str] | None = None,
) -> None:
    """A region-wide store that proved itself."""
    body = {"id": store_id, "name": store_id, "provider": provider, "settings": settings}
    await operator.call("POST", "stores", body | {"secrets": keys or {}})
    store = await operator.settle(f"stores/{store_id}")
    assert store["state"] == "Up", store["error"]
