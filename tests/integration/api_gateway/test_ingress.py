"""What foreign publishers send over the broker is taken in once, or answered with a problem."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, AbstractQueue
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.topology import Topology

from tests.integration.api_gateway.conftest import Site
from tests.integration.api_gateway.test_broker import joined

STORE = {"id": "s1", "name": "rgw", "provider": "S3", "settings": {"bucket": "b"}}


@dataclass(frozen=True)
class Foreigner:
    """A publisher that knows RabbitMQ and JSON, and nothing else of us."""

    exchange: AbstractExchange
    refusals: AbstractQueue

    async def send(self, body: bytes | dict[str, Any], key: str = "", **properties: Any) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.exchange.publish(aio_pika.Message(raw, **properties), key)

    async def refused(self) -> AbstractIncomingMessage:
        async with asyncio.timeout(15):
            while True:
                message = await self.refusals.get(fail=False, no_ack=True)
                if message is not None:
                    return message
                await asyncio.sleep(0.02)


@pytest.fixture
async def foreigner(site: Site, rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[Foreigner]:
    await joined(site)
    topology = Topology(bus_prefix)
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        refusals = await channel.declare_queue(exclusive=True)
        await refusals.bind(topology.errors, "#")
        yield Foreigner(await channel.get_exchange(topology.ingress), refusals)


async def test_a_cloud_event_is_taken_in_once(site: Site, foreigner: Foreigner) -> None:
    event = {
        "specversion": "1.0",
        "id": "42",
        "source": "cloudstack",
        "type": "StoreAdded",
        "data": STORE,
    }
    await foreigner.send(event)
    await foreigner.send(event)
    (envelope,) = await site.owner.has(1)
    assert envelope.correlationid == "42"
    assert isinstance(envelope.message(), AddStore)
    await foreigner.send({**event, "id": "43", "data": {**STORE, "id": "s2"}})
    assert [e.subject for e in await site.owner.has(2)] == ["store/s1", "store/s2"]
    assert (await site.api.get("/v1/stores/s1")).body["state"] == "Adding"


@pytest.mark.parametrize(
    ("body", "key", "properties"),
    [
        (STORE, "acs.StoreAdded", {}),
        (STORE, "what.ever", {"type": "StoreAdded"}),
        ({"type": "StoreAdded", **STORE}, "what.ever", {}),
        (STORE, "", {"headers": {"cloudEvents:type": "StoreAdded", "cloudEvents:id": "7"}}),
    ],
)
async def test_a_bare_object_is_named_in_one_of_four_ways(
    site: Site, foreigner: Foreigner, body: dict[str, Any], key: str, properties: dict[str, Any]
) -> None:
    await foreigner.send(body, key, **properties)
    (envelope,) = await site.owner.has(1)
    assert envelope.subject == "store/s1"


async def test_bad_messages_are_answered_with_a_problem(site: Site, foreigner: Foreigner) -> None:
    bad: list[tuple[bytes | dict[str, Any], str, str]] = [
        (b"", "StoreAdded", "invalid.malformed"),
        (b"\xff{", "StoreAdded", "invalid.malformed"),
        (b"[1]", "StoreAdded", "invalid.malformed"),
        (b'{"a": "' + b"x" * 300_000 + b'"}', "StoreAdded", "invalid.malformed"),
        ({}, "StoreAdded", "invalid.message"),
        ({**STORE, "secrets": {"key": "canary"}}, "StoreAdded", "invalid.message"),
        (STORE, "HostJoined", "invalid.unknown_message"),
        ({"template_id": "t1", "store_id": "p1"}, "CopyRequested", "not_found"),
        ({"store_id": "k1"}, "CacheLoadHigh", "not_found"),
    ]
    for number, (body, key, code) in enumerate(bad):
        await foreigner.send(body, key, message_id=f"m{number}", correlation_id=f"c{number}")
        answer = await foreigner.refused()
        problem = json.loads(answer.body)
        assert (answer.routing_key, answer.correlation_id) == (key, f"c{number}")
        assert (answer.content_type, problem["code"]) == ("application/problem+json", code)
        assert problem["cause"]
        assert "canary" not in answer.body.decode()
    assert site.owner.got == []
    await foreigner.send(STORE, "StoreAdded")
    assert len(await site.owner.has(1)) == 1


async def test_a_message_waits_out_a_lost_line(site: Site, foreigner: Foreigner) -> None:
    await site.line.cut()
    await foreigner.send(STORE, "StoreAdded", message_id="m1")
    await site.line.restore()
    async with asyncio.timeout(30):
        assert len(await site.owner.has(1)) == 1
