"""Exchanges: CloudEvents in AMQP's binary mode, and CloudStack's own events, on a real RabbitMQ."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from api_gateway.deps import Deps
from api_gateway.sinks.dispatcher import Dispatcher
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually
from yarl import URL

from tests.integration.sinks.test_webhooks import say, shown
from tests.servers.proxy import Proxy
from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]


@dataclass
class Bound:
    """A queue bound to an exchange, and what came into it."""

    exchange: str
    queue: AbstractQueue
    got: list[AbstractIncomingMessage] = field(default_factory=list)

    async def has(self, count: int) -> list[AbstractIncomingMessage]:
        await eventually(lambda: len({m.message_id or m.body for m in self.got}) >= count, 20)
        return self.got


@pytest.fixture
async def bound(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Bound]:
    connection = await aio_pika.connect(rabbitmq_url)
    channel = await connection.channel()
    name = f"{bus_prefix}-out"
    exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(f"{bus_prefix}-old", exclusive=True)
    await queue.bind(exchange, "#")
    found = Bound(name, queue)

    async def take(message: AbstractIncomingMessage) -> None:
        found.got.append(message)

    await queue.consume(take, no_ack=True)
    yield found
    await exchange.delete()
    await connection.close()


@pytest.fixture
async def line(rabbitmq_url: str) -> AsyncIterator[Proxy]:
    url = URL(rabbitmq_url)
    async with Proxy(url.host or "", url.port or 5672) as proxy:
        yield proxy


async def sink(api: Api, url: str, exchange: str, **more: Any) -> dict[str, Any]:
    body = {"name": "bus", "kind": "amqp", "url": url, "exchange": exchange, **more}
    made = await api.post("/v1/sinks", body)
    assert made.status == 201, made.body
    found: dict[str, Any] = made.body
    return found


async def test_cloudevents_are_published_in_binary_mode(
    api: Api, bench: Bench, running: Dispatcher, bound: Bound, rabbitmq_url: str
) -> None:
    made = await sink(api, rabbitmq_url, bound.exchange)
    assert made["secret"] == ""
    await say(bench, 1, id="m1")
    await bench.handle(words.template("t1", account_id="a.b"), sequence=1, number=1)
    await bench.handle(words.pool("p1"), sequence=1)
    zone, template, store = await bound.has(3)
    assert json.loads(zone.body)["state"]["name"] == "n1"
    assert (zone.content_type, zone.message_id, zone.app_id) == (
        "application/json",
        "m1",
        "stowage",
    )
    told = {name.removeprefix("cloudEvents:"): value for name, value in zone.headers.items()}
    assert (told["specversion"], told["id"], told["type"]) == ("1.0", "m1", "ZoneAdded")
    assert (told["subject"], told["sequence"]) == ("zone/z1", 1)
    assert zone.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    keys = [message.routing_key for message in (zone, template, store)]
    assert keys == [
        "zone.ZoneAdded.public",
        "template.TemplateChanged.a-b",
        "store.StoreAdded.operators",
    ]


async def test_old_consumers_hear_what_cloudstack_would_say(
    api: Api, bench: Bench, running: Dispatcher, bound: Bound, rabbitmq_url: str
) -> None:
    await sink(api, rabbitmq_url, bound.exchange, format="cloudstack")
    await bench.handle(words.snapshot("s1", name="daily"), sequence=1, number=1)
    await say(bench, 1)  # CloudStack has no word for it
    await bench.handle(words.snapshot("s1", name="daily", ready=True), sequence=2, number=2)
    got = await bound.has(4)
    assert [message.routing_key for message in got] == [
        "management-server.ResourceStateEvent.CreateRequested.Snapshot.s1",
        "management-server.ActionEvent.SNAPSHOT-CREATE.Snapshot.s1",
        "management-server.ResourceStateEvent.OperationSucceeded.Snapshot.s1",
        "management-server.ActionEvent.SNAPSHOT-CREATE.Snapshot.s1",
    ]
    state, action = json.loads(got[2].body), json.loads(got[3].body)
    assert state == {
        "resource": "Snapshot",
        "id": "s1",
        "old-state": "BackingUp",
        "new-state": "BackedUp",
        "eventDateTime": state["eventDateTime"],
    }
    assert (action["event"], action["status"]) == ("SNAPSHOT.CREATE", "Completed")
    assert (got[0].content_type, got[0].headers) == ("text/plain", {})


async def test_a_broker_that_goes_away_gets_everything_when_it_is_back(
    api: Api, bench: Bench, running: Dispatcher, bound: Bound, line: Proxy, rabbitmq_url: str
) -> None:
    url = str(URL(rabbitmq_url).with_host("127.0.0.1").with_port(line.port))
    made = await sink(api, url, bound.exchange, seconds=2)
    for number in range(1, 11):
        await say(bench, number, "z1")
        await say(bench, number, "z2")
        if number == 4:
            await line.cut()
        if number == 8:
            await eventually(lambda: failing(api, made), 20)
            await line.restore()
    last = {"zone/z1": 0, "zone/z2": 0}
    for message in await bound.has(20):
        subject = str(message.headers["cloudEvents:subject"])
        number = int(str(message.headers["cloudEvents:sequence"]))
        assert number <= last[subject] + 1
        last[subject] = max(last[subject], number)
    assert last == {"zone/z1": 10, "zone/z2": 10}
    assert "guest" not in str((await shown(api, made))["error"])


async def failing(api: Api, made: dict[str, Any]) -> bool:
    return bool((await shown(api, made))["failures"])


async def test_what_reaches_no_queue_is_kept_where_that_matters(
    api: Api, bench: Bench, running: Dispatcher, bound: Bound, rabbitmq_url: str
) -> None:
    await bound.queue.unbind(bound.exchange, "#")
    careful = await sink(api, rabbitmq_url, bound.exchange, mandatory=True)
    await say(bench, 1)
    await eventually(lambda: failing(api, careful), 20)
    assert bound.got == []
    await bound.queue.bind(bound.exchange, "#")
    await bound.has(1)
