"""A cloud that publishes its events is followed, and none of its secrets stays anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
import pytest_asyncio
from stowage_runtime.testing.eventually import eventually

from tests.e2e.collector import Collector, collecting
from tests.e2e.deployment import Backing, Deployment
from tests.e2e.operator import CLUSTER, HOST, POD, POOL, ZONE, Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.integration.mirror import scenery
from tests.integration.mirror.cloudstack import API_KEY, SECRET_KEY, CloudStack
from tests.integration.mirror.cloudstack import serving as cloud_serving
from tests.integration.mirror.test_looks import event

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
TEMPLATE = scenery.uuid(170)
USER, WORD = "canary-user", "canary-word-in-a-url"
SECRETS = (scenery.CANARY, scenery.URL_CANARY, WORD, SECRET_KEY)


@dataclass(frozen=True)
class World:
    """A cloud, its exchange, and the deployment that follows both."""

    cloud: CloudStack
    operator: Operator
    collector: Collector
    backing: Backing

    @property
    def exchange(self) -> str:
        return f"{self.backing.prefix}-cloudstack-events"

    async def publish(self, events: list[tuple[str, bytes]]) -> None:
        async with await aio_pika.connect(self.backing.amqp_url) as connection:
            exchange = await (await connection.channel()).get_exchange(self.exchange)
            for key, body in events:
                message = aio_pika.Message(body, content_type="text/plain")
                await exchange.publish(message, key, mandatory=False)

    async def there(self, path: str) -> bool:
        try:
            await self.operator.call("GET", path)
        except Refused:
            return False
        return True

    async def idle(self) -> bool:
        told = await self.operator.call("GET", "mirror")
        return bool(told["broker"]["waiting"] == 0 and told["looks"]["pending"] == 0)


def small_cloud() -> CloudStack:
    """The recorded one, with a zone of names the operator of these tests knows."""
    cloud = scenery.cloud()
    place = {"zoneid": ZONE, "podid": POD, "clusterid": CLUSTER, "hypervisor": "KVM"}
    cloud.add("zone", id=ZONE, name="zone")
    cloud.add("pod", id=POD, name="pod", zoneid=ZONE)
    cloud.add("cluster", id=CLUSTER, name="c", podid=POD, hypervisortype="KVM")
    cloud.add("host", id=HOST, name=HOST, type="Routing", **place)
    return cloud


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path, backing: Backing) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(cloud_serving(small_cloud()))
        collector = await stack.enter_async_context(collecting())
        settings = {
            "STOWAGE_OTLP_ENDPOINT": collector.url,
            "STOWAGE_LOG_LEVEL": "debug",
            "STOWAGE_MIRROR_AMQP_URL": backing.amqp_url,
            "STOWAGE_MIRROR_EXCHANGE": f"{backing.prefix}-cloudstack-events",
            "STOWAGE_MIRROR_API_URL": cloud.url,
            "STOWAGE_MIRROR_API_KEY": API_KEY,
            "STOWAGE_MIRROR_SECRET_KEY": SECRET_KEY,
            "STOWAGE_MIRROR_API_RATE": "1000",
            "STOWAGE_MIRROR_SETTLE_SECONDS": "0.1",
            "STOWAGE_MIRROR_POLL_SECONDS": "3",
            "STOWAGE_MIRROR_RULES": '[{"event": "ISO.*", "action": "ignore"}]',
        }
        deployment = Deployment(tmp_path, backing, settings)
        await deployment.prepare()
        stack.push_async_callback(deployment.stop_all)
        await deployment.start("image-store", "data-motion", "cache-autoscaler", "api-gateway")
        operator = await stack.enter_async_context(Operator.of(deployment))
        yield World(cloud, operator, collector, backing)


async def test_a_template_of_cloudstack_ends_up_on_our_stores(world: World) -> None:
    operator = world.operator
    await eventually(lambda: world.there(f"hosts/{HOST}"), 30)
    await _host(world)
    await operator.directory_store()
    async with serving(Source(image(2 * MIB))) as source:
        await _announced(world, source)
        template = await operator.settle(f"templates/{TEMPLATE}")
        assert template["ready"], template["error"]
        assert template["account_id"] == scenery.ACCOUNT
        await world.publish(scenery.recorded())
        await eventually(world.idle, 30)
    world.cloud.remove("template", TEMPLATE)
    await world.publish([event("TEMPLATE.DELETE", TEMPLATE)])

    async def deleted() -> bool:
        return bool((await operator.call("GET", f"templates/{TEMPLATE}"))["removed"])

    await eventually(deleted, 30)
    await operator.deployment.stop("api-gateway")
    await _no_secret_anywhere(world)


async def _host(world: World) -> None:
    """The host came from CloudStack; its agent joins with a token an operator asks for."""
    token = await world.operator.call("POST", f"hosts/{HOST}/token")
    folder = world.operator.deployment.folder
    (folder / POOL).mkdir()
    pools = [{"id": POOL, "name": POOL, "root": str(folder / POOL)}]
    given: dict[str, Any] = {"pools": pools, "roots": [str(folder)]}
    await world.operator.deployment.start_agent(HOST, token["join_token"], **given)
    await world.operator.settle(f"stores/{POOL}")


async def _announced(world: World, source: Source) -> None:
    url = source.url.replace("http://", f"http://{USER}:{WORD}@")
    told = {"zoneid": ZONE, "format": "RAW", "url": url}
    checksum = "{SHA-256}" + source.sha256.partition(":")[2]
    row = scenery.template(TEMPLATE, "disk", checksum=checksum, **told)
    world.cloud.add("template", **row)
    await world.publish([event("TEMPLATE.CREATE", TEMPLATE)])
    await eventually(lambda: world.there(f"templates/{TEMPLATE}"), 30)


async def _no_secret_anywhere(world: World) -> None:
    logs = "".join(path.read_text() for path in world.operator.deployment.folder.glob("*.log"))
    spans = b"".join(world.collector.raw).decode(errors="replace")
    dump = await _dump(world.backing.database_url)
    assert TEMPLATE in dump
    assert "mirror look" in spans
    for secret in SECRETS:
        assert secret not in logs
        assert secret not in spans
        assert secret not in dump


async def _dump(url: str) -> str:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', table_schema, table_name) AS name"
            " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [
            await connection.fetch(f"SELECT row_to_json(t)::text AS row FROM {table['name']} AS t")
            for table in tables
        ]
    finally:
        await connection.close()
    return "\n".join(row["row"] for table in rows for row in table)
