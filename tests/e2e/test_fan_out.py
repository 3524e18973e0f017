"""Many hosts want one template: its store is read once, liars are found out, the dead replaced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.e2e.deployment import Backing, deployed
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.ports import free_ports
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server, fresh_bucket

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
HOSTS = ("h1", "h2", "h3", "h4")
SIZE = 96 * MIB


@dataclass
class Cloud:
    """Four hosts with doors, and a store whose answers are counted."""

    operator: Operator
    origin: Proxy
    doors: dict[str, Proxy]
    source: Source
    settings: dict[str, dict[str, Any]]

    async def template(self) -> str:
        """Another Ready template of the same bytes; its replica lies on the store."""
        made = await self.operator.register(self.source.url, store_ids=["s3"])
        template = await self.operator.settle(f"templates/{made['id']}")
        assert template["ready"], template["error"]
        self.origin.answered = 0
        return str(made["id"])

    async def ask(self, template_id: str, *hosts: str) -> list[str]:
        """Ids of copies to these hosts' pools."""
        asked = [await self.operator.copy(template_id, pool(host)) for host in hosts]
        return [str(copy["id"]) for copy in asked]

    async def end(self, copies: list[str]) -> list[dict[str, Any]]:
        ended = [await self.operator.settle(f"copies/{copy}", 120) for copy in copies]
        assert [copy["state"] for copy in ended] == ["done"] * len(copies), ended
        return ended

    async def until_moved(self, copy: str, more_than: int) -> None:
        """Once more than so many of its bytes have arrived."""
        async with asyncio.timeout(60):
            while True:
                found = await self.operator.call("GET", f"copies/{copy}")
                if found["transfer"]["bytes_done"] > more_than:
                    return
                await asyncio.sleep(0.05)

    async def restart(self, host: str) -> None:
        """An agent again, with its identity and its journals."""
        folder = self.operator.deployment.folder
        await self.operator.deployment.start_agent(
            host,
            pools=[{"id": pool(host), "name": pool(host), "root": str(folder / pool(host))}],
            roots=[str(folder)],
            **self.settings[host],
        )

    def right(self, template_id: str, *hosts: str) -> bool:
        folder: Path = self.operator.deployment.folder
        files = [folder / pool(host) / f"{template_id}.raw" for host in hosts]
        return all(file.read_bytes() == self.source.content for file in files)

    @property
    def share(self) -> float:
        """What the origin sent, in sizes of the template."""
        return self.origin.answered / SIZE

    def lost(self, host: str) -> list[dict[str, Any]]:
        """Peers that a host's agent gave up."""
        log = self.operator.deployment.log(f"agent:{host}").splitlines()
        return [json.loads(line) for line in log if '"peer.lost"' in line]


def pool(host: str) -> str:
    return f"pool-{host}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing, s3_server: S3Server
) -> AsyncIterator[Cloud]:
    folder = tmp_path_factory.mktemp("fan-out")
    async with AsyncExitStack() as stack:
        deployment = await stack.enter_async_context(deployed(folder, backing))
        operator = await stack.enter_async_context(Operator.of(deployment))
        await operator.places()
        at = urlsplit(s3_server.endpoint)
        assert at.hostname
        assert at.port
        origin = await stack.enter_async_context(Proxy(at.hostname, at.port))
        bucket = await stack.enter_async_context(fresh_bucket(s3_server))
        await store(operator, s3_server, f"http://127.0.0.1:{origin.port}", bucket)
        doors, settings = {}, {}
        for host, port in zip(HOSTS, free_ports(len(HOSTS)), strict=True):
            doors[host] = door = await stack.enter_async_context(Proxy("127.0.0.1", port))
            listen, url = f"127.0.0.1:{port}", f"http://127.0.0.1:{door.port}"
            settings[host] = {"door_listen": listen, "door_url": url}
            await operator.host(host, pool(host), **settings[host])
        source = await stack.enter_async_context(serving(Source(image(SIZE, 7))))
        yield Cloud(operator, origin, doors, source, settings)


async def store(operator: Operator, server: S3Server, endpoint: str, bucket: str) -> None:
    settings = {"endpoint": endpoint, "bucket": bucket, "region": server.region}
    secrets = {"access_key": server.access_key, "secret_key": server.secret_key}
    body = {"id": "s3", "name": "rgw", "provider": "S3", "settings": settings, "secrets": secrets}
    await operator.call("POST", "stores", body)
    found = await operator.settle("stores/s3")
    assert found["state"] == "Up", found["error"]


async def test_the_origin_is_read_once_for_four_hosts(cloud: Cloud) -> None:
    template = await cloud.template()
    ended = await cloud.end(await cloud.ask(template, *HOSTS))
    assert cloud.right(template, *HOSTS)
    assert cloud.share <= 1.05
    hops = sorted((copy["hops"][0] for copy in ended), key=lambda hop: len(hop["fed_by"]))
    chain = [hop["host_id"] for hop in hops]
    assert [hop["fed_by"] for hop in hops] == [chain[:at][::-1] for at in range(len(HOSTS))]
    assert [hop["bytes_fed"] > 0 for hop in hops] == [False, True, True, True]


async def test_a_peer_that_lies_is_found_out(cloud: Cloud) -> None:
    template = await cloud.template()
    cloud.doors["h1"].forged = forged
    cloud.origin.delay = 0.02
    try:
        first = await cloud.ask(template, "h1")
        await cloud.until_moved(first[0], 0)
        await cloud.end([*first, *await cloud.ask(template, "h2", "h3")])
    finally:
        cloud.doors["h1"].forged = bytes
        cloud.origin.delay = 0.0
    assert cloud.right(template, "h1", "h2", "h3")
    assert [lost["reason"] for lost in cloud.lost("h2") if lost["final"]] == ["wrong"]
    assert cloud.share <= 2.1  # h2 had no other peer, and reads the origin


async def test_a_feeder_that_dies_costs_only_those_it_feeds(cloud: Cloud) -> None:
    template = await cloud.template()
    cloud.origin.delay = 0.02
    try:
        copies = await cloud.ask(template, *HOSTS)
        await cloud.until_moved(copies[3], 16 * MIB)
        await cloud.operator.deployment.kill("agent:h2")
        await cloud.end([copies[0], *copies[2:]])
    finally:
        cloud.origin.delay = 0.0
    assert cloud.right(template, "h1", "h3", "h4")
    await cloud.restart("h2")
    await cloud.end(copies)
    assert cloud.right(template, *HOSTS)
    assert cloud.share <= 1.05


def forged(chunk: bytes) -> bytes:
    """A bit of whatever is long enough to be no header."""
    if len(chunk) < 32768:
        return chunk
    middle = len(chunk) // 2
    return chunk[:middle] + bytes([chunk[middle] ^ 1]) + chunk[middle + 1 :]
