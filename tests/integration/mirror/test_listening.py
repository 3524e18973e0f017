"""CloudStack's broker and the gateways that listen to it: away, back, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aio_pika
import pytest
from stowage_runtime.testing.eventually import eventually
from yarl import URL

from tests.integration.mirror import scenery
from tests.integration.mirror.cloudstack import CloudStack
from tests.integration.mirror.gateway import Follower, Gateway
from tests.integration.mirror.test_looks import event
from tests.servers.proxy import Proxy

OTHER = scenery.uuid(160)


@pytest.fixture
async def follower(
    cloud: CloudStack,
    rabbitmq_url: str,
    database_url: str,
    bus_prefix: str,
    made_keys: dict[str, str],
) -> AsyncIterator[Follower]:
    url = URL(rabbitmq_url)
    async with Proxy(url.host or "", url.port or 5672) as line:
        made = Follower(cloud, line, rabbitmq_url, database_url, bus_prefix, made_keys)
        yield made
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        await channel.exchange_delete(made.exchange)


async def listening(gateway: Gateway) -> bool:
    return bool((await gateway.status())["broker"]["connected"])


async def test_a_recorded_stream_is_followed(follower: Follower) -> None:
    async with follower.gateway() as gateway:
        await eventually(lambda: listening(gateway), 20)
        await follower.publish(scenery.recorded())

        async def counted() -> bool:
            told = (await gateway.status())["events"]
            names = ("taken", "failed", "unfinished", "ignored", "malformed")
            bound = [key for key, _body in scenery.recorded() if key.count(".") == 4]
            return sum(int(told[name]) for name in names) == len(bound)

        await eventually(counted, 20)
        await eventually(gateway.quiet, 20)
        told = await gateway.status()
        assert told["state"] == "following"
        assert told["events"]["malformed"] == 4
        assert told["events"]["last_error"]["told"]
        assert told["events"]["newest"].startswith("2026-07-24T10:")
        assert told["events"]["lag_seconds"] is not None
        assert told["broker"]["waiting"] == 0
        assert await gateway.has("templates", scenery.REGIONAL)
        assert await gateway.has("zones", scenery.ZONES[0])
        page = (await gateway.api.get("/v1/mirror/entities?noun=volume&limit=1")).body
        assert [each["id"] for each in page["items"]] == [scenery.VOLUME]
        assert (await gateway.api.get("/v1/mirror/looks?given_up=true")).body["items"] == []


async def test_a_broker_that_went_away_is_told_and_made_up_for(follower: Follower) -> None:
    async with follower.gateway() as gateway:
        await eventually(lambda: listening(gateway), 20)
        await eventually(gateway.quiet, 20)
        await follower.line.cut()

        async def away() -> bool:
            return str((await gateway.status())["state"]) == "broker_away"

        await eventually(away, 20)
        assert (await gateway.status())["broker"]["error"]["code"].startswith("unavailable")
        await follower.publish([event("TEMPLATE.UPDATE", scenery.DERIVED)])
        follower.cloud.add("template", **scenery.template(OTHER, "silent", crossZones=True))
        await follower.line.restore()
        await eventually(lambda: gateway.has("templates", OTHER), 20)
        await eventually(gateway.quiet, 20)
        assert (await gateway.status())["events"]["taken"] == 1


async def test_an_api_that_is_away_keeps_what_came(follower: Follower) -> None:
    follower.cloud.failing = 503
    async with follower.gateway() as gateway:
        await eventually(lambda: listening(gateway), 20)
        await follower.publish([event("TEMPLATE.CREATE", scenery.REGIONAL)])

        async def told() -> bool:
            status = await gateway.status()
            return bool(status["state"] == "api_away" and status["events"]["taken"] == 1)

        await eventually(told, 20)
        assert (await gateway.status())["looks"]["pending"] >= 1
    follower.cloud.failing = 0
    async with follower.gateway() as gateway:
        await eventually(lambda: gateway.has("templates", scenery.REGIONAL), 20)


async def test_of_two_gateways_one_listens_and_the_other_goes_on(follower: Follower) -> None:
    async with follower.gateway() as second:
        async with follower.gateway() as first:
            await eventually(lambda: listening(first), 20)
            await eventually(lambda: listening(second), 20)
            await follower.publish([event("TEMPLATE.CREATE", scenery.REGIONAL)])
            await eventually(lambda: second.has("templates", scenery.REGIONAL), 20)
        follower.cloud.add("template", **scenery.template(OTHER, "later", crossZones=True))
        await follower.publish([event("TEMPLATE.CREATE", OTHER)])
        await eventually(lambda: second.has("templates", OTHER), 20)
        assert (await second.status())["broker"]["waiting"] == 0


async def test_other_settings_find_the_queue_as_it_is(follower: Follower) -> None:
    narrow = "management-server.ActionEvent.*.*.*"
    usage = f"management-server.UsageEvent.TEMPLATE-CREATE.Template.{scenery.REGIONAL}"
    async with follower.gateway() as gateway:
        await eventually(lambda: listening(gateway), 20)
    follower.more = {"mirror_binding": narrow, "mirror_queue_length": 7}
    async with follower.gateway() as gateway:
        await eventually(lambda: listening(gateway), 20)
        assert (await gateway.status())["broker"]["binding"] == narrow
        await follower.publish([(usage, b"{}"), event("TEMPLATE.UPDATE", scenery.DERIVED)])

        async def taken() -> bool:
            return bool((await gateway.status())["events"]["taken"])

        await eventually(taken, 20)
        assert (await gateway.status())["events"]["taken"] == 1


async def test_only_operators_see_the_mirror(follower: Follower) -> None:
    async with follower.gateway() as gateway:
        swept = await gateway.api.post("/v1/mirror/sweep")
        assert swept.status == 202
        made = await gateway.api.post("/v1/accounts", {"name": "someone"})
        other = gateway.api.as_account(made.body["api_key"])
        for path in ("", "/entities", "/looks"):
            assert (await other.get(f"/v1/mirror{path}")).status == 403
        assert (await other.post("/v1/mirror/sweep")).status == 403
