"""A deployment in the namespace: a store behind a counted link, hosts with doors, one template."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from bench.fan.links import STORE, host_address
from tests.e2e.deployment import PACKAGES, Backing, Deployment
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, serving
from tests.servers.broker import remove_prefixed
from tests.servers.databases import fresh_database
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server, fresh_bucket

DOOR = 8443
AT_ONCE = 5
"""Agents that are started side by side."""
SETTINGS = {"STOWAGE_ZONE_SLOTS": "1000", "STOWAGE_ACCOUNT_SLOTS": "1000"}
"""Fifty hosts at once are meant; the store keeps its eight slots."""
DATA = 512 * 1024
LEAF = 4 * MIB


def image(size: int) -> bytes:
    """An eighth of each leaf is noise: every byte travels, and fifty copies fit on one disk."""
    chance = random.Random(1)
    return b"".join(chance.randbytes(DATA) + bytes(LEAF - DATA) for _ in range(size // LEAF))


@dataclass
class Took:
    """One round of copies to some hosts."""

    seconds: list[float]
    """Until each host had the template."""
    origin_bytes: int
    peers_lost: int
    """How often an agent gave up a peer, for a while or for good."""


@dataclass
class Cloud:
    """Services, store and hosts."""

    operator: Operator
    origin: Proxy
    source: Source
    hosts: int = 0

    async def grow(self, hosts: int) -> None:
        """So many hosts, each with an agent process and a pool."""
        while self.hosts < hosts:
            several = range(self.hosts, min(hosts, self.hosts + AT_ONCE))
            await asyncio.gather(*map(self._host, several))
            self.hosts = several.stop

    async def template(self) -> str:
        """A new template of the same bytes, Ready on the store."""
        made = await self.operator.register(self.source.url, store_ids=["s3"])
        found = await self.operator.settle(f"templates/{made['id']}", 600)
        assert found["ready"], found["error"]
        return str(made["id"])

    async def round(self, hosts: int) -> Took:
        """Copy a fresh template to hosts 0 … ``hosts`` - 1 at once, then delete the files."""
        template = await self.template()
        self.origin.answered, began, before = 0, monotonic(), self._lost(hosts)
        asked = [self.operator.copy(template, f"pool-h{n}") for n in range(hosts)]
        copies = await asyncio.gather(*asked)
        ended = await asyncio.gather(*(self._ended(copy["id"], began) for copy in copies))
        for number in range(hosts):
            folder = self.operator.deployment.folder / f"pool-h{number}"
            (folder / f"{template}.raw").unlink()
        return Took(sorted(ended), self.origin.answered, self._lost(hosts) - before)

    def _lost(self, hosts: int) -> int:
        log = self.operator.deployment.log
        return sum(log(f"agent:h{number}").count('"peer.lost"') for number in range(hosts))

    async def _host(self, number: int) -> None:
        at, name = f"{host_address(number)}:{DOOR}", f"h{number}"
        settings = {"door_listen": at, "door_url": f"http://{at}", "fetch": False}
        await self.operator.host(name, f"pool-{name}", **settings)

    async def _ended(self, copy_id: str, began: float) -> float:
        """Seconds until it was done, to a second at most."""
        state = ""
        while state != "done":
            await asyncio.sleep(1)
            found = await self.operator.call("GET", f"copies/{copy_id}")
            state = found["state"]
            assert state not in {"failed", "cancelled"}, found["error"]
        return monotonic() - began


@asynccontextmanager
async def cloud(folder: Path, size: int) -> AsyncIterator[Cloud]:
    """On the servers that the environment names."""
    async with AsyncExitStack() as stack:
        backing = await stack.enter_async_context(_backing())
        deployment = Deployment(folder, backing, dict(SETTINGS))
        stack.push_async_callback(deployment.stop_all)
        await deployment.prepare()
        await deployment.start(*PACKAGES)
        operator = await stack.enter_async_context(Operator.of(deployment))
        await operator.places()
        await operator.host("mover", "pool-mover")
        origin = await _store(operator, stack)
        source = await stack.enter_async_context(serving(Source(image(size))))
        yield Cloud(operator, origin, source)


@asynccontextmanager
async def _backing() -> AsyncIterator[Backing]:
    prefix = f"b{secrets.token_hex(4)}"
    given = os.environ
    management = given["STOWAGE_TEST_AMQP_MANAGEMENT_URL"]
    async with fresh_database(given["STOWAGE_TEST_DATABASE_URL"]) as database:
        yield Backing(database, given["STOWAGE_TEST_AMQP_URL"], management, prefix)
    remove_prefixed(management, prefix)


async def _store(operator: Operator, stack: AsyncExitStack) -> Proxy:
    given = os.environ
    at = urlsplit(given["STOWAGE_TEST_S3_ENDPOINT"])
    keys = given["STOWAGE_TEST_S3_ACCESS_KEY"], given["STOWAGE_TEST_S3_SECRET_KEY"]
    server = S3Server(at.geturl(), *keys)
    origin = await stack.enter_async_context(Proxy(str(at.hostname), at.port or 80, STORE))
    bucket = await stack.enter_async_context(fresh_bucket(server))
    body = {
        "id": "s3",
        "name": "rgw",
        "provider": "S3",
        "settings": {
            "endpoint": f"http://{STORE}:{origin.port}",
            "bucket": bucket,
            "region": server.region,
        },
        "secrets": {"access_key": keys[0], "secret_key": keys[1]},
    }
    await operator.call("POST", "stores", body)
    found = await operator.settle("stores/s3")
    assert found["state"] == "Up", found["error"]
    return origin
