"""A deployment to be broken: every process has wires of its own to broker and database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import Servers
from tests.e2e.deployment import PACKAGES, Backing, Deployment
from tests.e2e.operator import HOST, POD, POOL, ZONE, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.failure.chaos import packets
from tests.failure.chaos.disks import small_disks
from tests.failure.chaos.plan import Kit
from tests.failure.chaos.shovel import Shovel
from tests.servers.databases import fresh_database
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.server import Server

PREFIX = "chaos"
XEN_POOL, CACHE = "poolx", "cache1"
BASE = "base"
"""A template that is on two stores before anything breaks."""
SETTINGS = {
    "STOWAGE_LEASE_SECONDS": "5",
    "STOWAGE_OFFER_SECONDS": "4",
    "STOWAGE_STALL_SECONDS": "8",
    "STOWAGE_MAX_ATTEMPTS": "12",
    "STOWAGE_INSPECT_SECONDS": "6",
    "STOWAGE_FINDING_GRACE_SECONDS": "0",
    "STOWAGE_HOST_SILENT_SECONDS": "8",
    "STOWAGE_ASK_AGAIN_SECONDS": "15",
    "STOWAGE_CACHE_PIN_SECONDS": "15",
    "STOWAGE_PROBE_SECONDS": "5",
    "STOWAGE_AGENT_HEARTBEAT_SECONDS": "1",
    "STOWAGE_AGENT_CONNECTIONS": "2",
    "STOWAGE_AGENT_BUFFER_BYTES": str(8 * MIB),
}
"""Deadlines short enough for many runs."""


@dataclass
class World:
    """What a run breaks and what it is judged by."""

    operator: Operator
    broker: Server
    database: Server
    wires: dict[str, Proxy]
    shovel: Shovel
    s3: S3Server
    bucket: str
    kit: Kit
    base: bytes
    """Content of the template every run finds."""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What an agent's hypervisor plug-in is told."""

    @property
    def deployment(self) -> Deployment:
        return self.operator.deployment

    @property
    def folder(self) -> Path:
        return self.deployment.folder


@asynccontextmanager
async def built(folder: Path, servers: Servers, s3: S3Server) -> AsyncIterator[World]:
    """A world on private servers; the object store alone is shared with others."""
    broker, database = servers.private("rabbitmq"), servers.private("postgres")
    management = broker.exports()["STOWAGE_TEST_AMQP_MANAGEMENT_URL"]
    async with AsyncExitStack() as stack:
        disks = stack.enter_context(small_disks(folder / "s2", folder / "pool2"))
        url = await stack.enter_async_context(fresh_database(database.url))
        bucket = await stack.enter_async_context(fresh_bucket(s3))
        backing = Backing(url, broker.url, management, PREFIX)
        deployment = Deployment(folder, backing, dict(SETTINGS))
        await deployment.prepare()
        wires = await _service_wires(stack, deployment)
        wires["s3"] = await _wire(stack, s3.endpoint)
        for host in (HOST, "h2", "hx"):
            wires[f"agent:{host}>broker"] = await _wire(stack, backing.amqp_url)
        stack.push_async_callback(deployment.stop_all)
        await deployment.start(*PACKAGES)
        operator = await stack.enter_async_context(Operator.of(deployment))
        await _furnish(operator, wires["s3"].port, s3, bucket)
        hosts = await _hosts(operator, wires)
        shovel = Shovel(backing, tuple(hosts))
        listening = asyncio.create_task(shovel.run())
        stack.callback(listening.cancel)
        kit = _kit(stack, hosts, wires, tuple(disk.name for disk in disks))
        content = await _base(operator)
        yield World(operator, broker, database, wires, shovel, s3, bucket, kit, content, hosts)


def _kit(
    stack: AsyncExitStack, hosts: dict[str, Any], wires: dict[str, Proxy], disks: tuple[str, ...]
) -> Kit:
    drops = packets.can_drop()
    if drops:
        stack.callback(packets.leave)
    agents = tuple(f"agent:{host}" for host in hosts)
    return Kit(agents, tuple(wires), ("s1", "s2", "rgw"), (POOL, "pool2"), disks, drops)


async def _service_wires(stack: AsyncExitStack, deployment: Deployment) -> dict[str, Proxy]:
    wires: dict[str, Proxy] = {}
    for name in PACKAGES:
        broker = await _wire(stack, deployment.backing.amqp_url)
        database = await _wire(stack, deployment.backing.database_url)
        wires |= {f"{name}>broker": broker, f"{name}>database": database}
        deployment.own[name] = {
            "STOWAGE_AMQP_URL": _through(deployment.backing.amqp_url, broker),
            "STOWAGE_DATABASE_URL": _through(deployment.backing.database_url, database),
        }
    deployment.own["api-gateway"]["STOWAGE_AGENT_AMQP_URL"] = deployment.backing.amqp_url
    return wires


async def _wire(stack: AsyncExitStack, url: str) -> Proxy:
    parts = urlsplit(url)
    return await stack.enter_async_context(Proxy(str(parts.hostname), int(parts.port or 80)))


def _through(url: str, wire: Proxy) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{wire.port}")).geturl()


async def _furnish(operator: Operator, s3_port: int, s3: S3Server, bucket: str) -> None:
    await operator.places()
    xen = {"id": "cx", "name": "xen", "pod_id": POD, "hypervisor": "XenServer"}
    await operator.call("POST", "clusters", xen)
    for store_id in ("s1", "s2"):
        await operator.directory_store(store_id)
    settings = {
        "endpoint": f"http://127.0.0.1:{s3_port}",
        "bucket": bucket,
        "region": s3.region,
        "part_bytes": 8 * MIB,
    }
    keys = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    rgw = {"id": "rgw", "name": "rgw", "provider": "S3", "settings": settings, "secrets": keys}
    await operator.call("POST", "stores", rgw)
    (operator.deployment.folder / CACHE).mkdir()
    cache = {
        "id": CACHE,
        "name": CACHE,
        "provider": "directory",
        "role": "ImageCache",
        "scope": "zone",
        "scope_id": ZONE,
        "settings": {"root": str(operator.deployment.folder / CACHE)},
    }
    await operator.call("POST", "stores", cache)
    for store_id in ("rgw", CACHE):
        assert (await operator.settle(f"stores/{store_id}"))["state"] == "Up"


async def _hosts(operator: Operator, wires: dict[str, Proxy]) -> dict[str, dict[str, Any]]:
    """Two KVM hosts that move anything, and a XenServer host that reads files of caches only."""
    options: dict[str, dict[str, Any]] = {HOST: {}, "h2": {}}
    options["hx"] = {"kind": "XenServer", "reads": ["file"], "writes": ["file"], "inspect": []}
    await asyncio.gather(
        operator.host(HOST, POOL, hypervisor="fake"),
        operator.host("h2", "pool2", hypervisor="fake"),
        operator.host(
            "hx",
            XEN_POOL,
            cluster_id="cx",
            kind="XenServer",
            hypervisor="fake",
            options=options["hx"],
            fetch=False,
            roots=[str(operator.deployment.folder / CACHE)],
        ),
    )
    for host in options:
        _rewire(operator.deployment, host, wires[f"agent:{host}>broker"])
    await asyncio.gather(*(operator.deployment.again(f"agent:{host}") for host in options))
    return options


def _rewire(deployment: Deployment, host: str, wire: Proxy) -> None:
    """Its way to the broker leads through a wire of its own from its next start on."""
    file = deployment.folder / "agents" / host / "identity.json"
    identity = json.loads(file.read_text())
    identity["amqp_url"] = _through(identity["amqp_url"], wire)
    file.write_text(json.dumps(identity))


async def _base(operator: Operator) -> bytes:
    content = image(6 * MIB, seed=5)
    async with serving(Source(content)) as source:
        await operator.register(
            source.url, id=BASE, checksum=source.sha256, store_ids=["s1", "rgw"]
        )
        async with asyncio.timeout(60):
            while not await _on_both(operator):
                await asyncio.sleep(0.1)
    return content


async def _on_both(operator: Operator) -> bool:
    template = await operator.settle(f"templates/{BASE}")
    assert not template["error"], template["error"]
    return [replica["state"] for replica in template["replicas"]] == ["Ready", "Ready"]
