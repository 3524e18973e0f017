"""Who may send foreign messages is the broker's to say: by its users and their rights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aio_pika
import aiohttp
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelClosed, ChannelPreconditionFailed
from stowage_contracts.topology import Topology
from stowage_runtime.bus import Reader
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.testing.eventually import eventually
from yarl import URL

from tests.integration.mirror.cloudstack import CloudStack
from tests.integration.mirror.gateway import Follower, Gateway
from tests.servers.proxy import Proxy

STORE = {"id": "s1", "name": "rgw", "provider": "S3", "settings": {"bucket": "b"}}
PASSWORD = "a-password"


@dataclass(frozen=True)
class Users:
    """Makes users of the broker through its management API."""

    management: URL
    prefix: str

    async def add(self, name: str, write: str) -> str:
        """A user who may write to exchanges and read answers; its name."""
        user, prefix = f"{self.prefix}.{name}", self.prefix
        rights = {
            "configure": rf"^{prefix}\.{name}\..*$",
            "write": write,
            "read": rf"^({prefix}\.{name}\..*|{prefix}\.errors)$",
        }
        await self._put(f"users/{user}", {"password": PASSWORD, "tags": ""})
        await self._put(f"permissions/%2F/{user}", rights)
        return user

    async def _put(self, path: str, body: dict[str, str]) -> None:
        login = (self.management.user or "", self.management.password or "")
        headers = {"Authorization": aiohttp.encode_basic_auth(*login)}
        base = str(self.management.with_user(None)).rstrip("/")
        url = URL(f"{base}/api/{path}", encoded=True)
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.put(url, json=body) as reply,
        ):
            assert reply.status < 300, await reply.text()


@pytest.fixture
def users(rabbitmq_management_url: str, bus_prefix: str) -> Users:
    return Users(URL(rabbitmq_management_url), bus_prefix)


@pytest.fixture
async def topology(
    cloud: CloudStack,
    rabbitmq_url: str,
    database_url: str,
    bus_prefix: str,
    made_keys: dict[str, str],
) -> AsyncIterator[Topology]:
    """Of a gateway that runs, with the owner of stores beside it."""
    topology = Topology(bus_prefix)
    bus = await RabbitBus(rabbitmq_url, topology).ready()
    await bus.declare(Reader("image-store"))
    async with Proxy("127.0.0.1", 1) as line:
        made = Follower(cloud, line, rabbitmq_url, database_url, bus_prefix, made_keys)
        made.more = {"mirror_amqp_url": "", "mirror_api_url": ""}
        async with made.gateway() as gateway:
            await eventually(lambda: _hears(gateway), 20)
            yield topology
    await bus.close()


async def _hears(gateway: Gateway) -> bool:
    async with gateway.api.session.get("/readyz") as reply:
        return "not connected" not in await reply.text()


@asynccontextmanager
async def channel_of(broker: str, user: str) -> AsyncIterator[AbstractChannel]:
    """A channel of a user."""
    url = URL(broker).with_user(user).with_password(PASSWORD)
    async with await aio_pika.connect(str(url)) as connection:
        yield await connection.channel()


async def test_a_user_with_the_right_is_heard_and_answered(
    rabbitmq_url: str, topology: Topology, users: Users
) -> None:
    name = await users.add("cloud", rf"^({users.prefix}\.ingress|{users.prefix}\.cloud\..*)$")
    async with channel_of(rabbitmq_url, name) as channel:
        answers = await channel.declare_queue(f"{name}.answers", auto_delete=True)
        await answers.bind(topology.errors, "#")
        exchange = await channel.get_exchange(topology.ingress, ensure=False)
        bad = aio_pika.Message(json.dumps({**STORE, "provider": ""}).encode(), user_id=name)
        await exchange.publish(bad, "StoreAdded")
        async with asyncio.timeout(20):
            while (answer := await answers.get(fail=False, no_ack=True)) is None:
                await asyncio.sleep(0.05)
    problem = json.loads(answer.body)
    assert answer.routing_key == "StoreAdded"
    assert problem["code"] == "invalid.message"
    assert "provider" in problem["cause"]


async def test_a_user_without_the_right_is_refused(
    rabbitmq_url: str, topology: Topology, users: Users
) -> None:
    name = await users.add("stranger", "^$")
    async with channel_of(rabbitmq_url, name) as channel:
        exchange = await channel.get_exchange(topology.ingress, ensure=False)
        with pytest.raises((ChannelAccessRefused, ChannelClosed)):
            await exchange.publish(aio_pika.Message(json.dumps(STORE).encode()), "StoreAdded")


async def test_nobody_speaks_in_another_users_name(
    rabbitmq_url: str, topology: Topology, users: Users
) -> None:
    name = await users.add("liar", rf"^{users.prefix}\.ingress$")
    async with channel_of(rabbitmq_url, name) as channel:
        exchange = await channel.get_exchange(topology.ingress, ensure=False)
        message = aio_pika.Message(json.dumps(STORE).encode(), user_id="guest")
        with pytest.raises((ChannelPreconditionFailed, ChannelClosed)):
            await exchange.publish(message, "StoreAdded")
