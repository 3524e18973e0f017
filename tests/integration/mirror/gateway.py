"""A whole gateway on a real broker, following a cloud whose broker a test can take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import aiohttp
from api_gateway.__main__ import wire
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.database import Database
from stowage_runtime.running import Running
from yarl import URL

from tests.integration.mirror.cloudstack import CloudStack
from tests.integration.mirror.conftest import mirror_settings
from tests.servers.proxy import Proxy
from tests.unit.api_gateway.api import Api

ADMIN_KEY = "the-admin-key"


@dataclass
class Follower:
    """What gateways are started with, and CloudStack's end of its broker."""

    cloud: CloudStack
    line: Proxy
    amqp_url: str
    database_url: str
    prefix: str
    keys: dict[str, str]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def exchange(self) -> str:
        return f"{self.prefix}-cloudstack-events"

    def settings(self) -> Settings:
        through = URL(self.amqp_url).with_host("127.0.0.1").with_port(self.line.port)
        given = {
            "database_url": SecretStr(self.database_url),
            "amqp_url": SecretStr(self.amqp_url),
            "bus_prefix": self.prefix,
            "http_port": 0,
            "admin_api_key": SecretStr(ADMIN_KEY),
            "stop_seconds": 3,
            "mirror_amqp_url": SecretStr(str(through)),
            "mirror_exchange": self.exchange,
            **self.keys,
            **mirror_settings(self.cloud, mirror_poll_seconds=0.5, **self.more),
        }
        return Settings.read(**given)

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        """Runs a gateway."""
        settings = self.settings()
        database = await Database.open(self.database_url, "api_gateway", "api_gateway")
        bus = RabbitBus(self.amqp_url, Topology(self.prefix)).start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            stack.push_async_callback(bus.close)
            await database.migrate()
            service = wire(settings)
            running = await stack.enter_async_context(Running(service, bus, database, settings))
            base = f"http://127.0.0.1:{running.http.port}"
            session = await stack.enter_async_context(aiohttp.ClientSession(base))
            yield Gateway(Api(session, ADMIN_KEY), running)

    async def publish(self, events: Iterable[tuple[str, bytes]]) -> None:
        """As CloudStack does: durable topic exchange, persistent plain text, nothing else."""
        async with await aio_pika.connect(self.amqp_url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(
                self.exchange, aio_pika.ExchangeType.TOPIC, durable=True
            )
            for key, body in events:
                message = aio_pika.Message(
                    body, content_type="text/plain", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                await exchange.publish(message, key, mandatory=False)


@dataclass(frozen=True)
class Gateway:
    """One that runs."""

    api: Api
    running: Running[Deps]

    async def status(self) -> Any:
        answer = await self.api.get("/v1/mirror")
        assert answer.status == 200, answer.body
        return answer.body

    async def quiet(self) -> bool:
        """Whether everything that came was taken and looked at."""
        told = await self.status()
        broker, looks = told["broker"], told["looks"]
        return bool(broker["connected"] and broker["waiting"] == 0 and looks["pending"] == 0)

    async def has(self, noun: str, id: str) -> bool:
        return (await self.api.get(f"/v1/{noun}/{id}")).status == 200
