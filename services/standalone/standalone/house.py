"""All five services in one process: one in-process bus, one embedded PostgreSQL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import api_gateway.__main__
import api_gateway.settings
import cache_autoscaler.__main__
import cache_autoscaler.settings
import data_motion.__main__
import data_motion.settings
import image_store.__main__
import image_store.settings
from pydantic import SecretStr
from stowage_contracts.values import ServiceName
from stowage_runtime import keys
from stowage_runtime.bus import builtin_readers
from stowage_runtime.bus.dead_letter_table import TableSink
from stowage_runtime.bus.memory import MemoryBus
from stowage_runtime.bus.memory.broker import MemoryBroker
from stowage_runtime.database import Database
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.running import Running
from stowage_runtime.service import Service
from stowage_runtime.settings import ServiceSettings

from standalone.postgres import EmbeddedPostgres
from standalone.settings import Home

Wire = Callable[[Any], Service[Any]]
SERVICES: dict[ServiceName, tuple[type[ServiceSettings], Wire]] = {
    ServiceName.IMAGE_STORE: (image_store.settings.Settings, image_store.__main__.wire),
    ServiceName.DATA_MOTION: (data_motion.settings.Settings, data_motion.__main__.wire),
    ServiceName.CACHE_AUTOSCALER: (
        cache_autoscaler.settings.Settings,
        cache_autoscaler.__main__.wire,
    ),
    ServiceName.API_GATEWAY: (api_gateway.settings.Settings, api_gateway.__main__.wire),
}
"""In the order they start; the gateway last, so that it answers for a whole system."""
ADMIN_KEYS = ("stowage_admin_api_key", "stowage_admin_secret_key")


@dataclass(frozen=True)
class Keyring:
    """Every key of a home, read from its secrets folder; made on the first start."""

    texts: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, home: Home) -> "Keyring":
        """Keys that exist are never replaced."""
        keys.write(home.secrets)
        for name in ADMIN_KEYS:
            path = home.secrets / name
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(secrets.token_urlsafe(32))
        return cls({p.name: p.read_text().strip() for p in home.secrets.iterdir()})

    def __getitem__(self, name: str) -> str:
        return self.texts[f"stowage_{name}"]

    def settings(self) -> dict[str, str]:
        """As arguments of a settings class."""
        return {name.removeprefix("stowage_"): text for name, text in self.texts.items()}


@dataclass(frozen=True)
class House:
    """A running house; agents attach to its broker."""

    home: Home
    keyring: Keyring
    broker: MemoryBroker
    running: dict[ServiceName, Running[Any]]

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        http = self.running[ServiceName.API_GATEWAY].http
        return f"http://127.0.0.1:{http.port}"

    @property
    def gateway(self) -> Transactions:
        """Transactions of the gateway: its read models, its outbox."""
        return self.running[ServiceName.API_GATEWAY].transactions

    async def crashed(self) -> None:
        """Wait until any service breaks, which none should; raises what it raised."""
        tasks = [asyncio.create_task(each.crashed()) for each in self.running.values()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await done.pop()
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def house(home: Home, port: int) -> AsyncIterator[House]:
    """Start everything but agents; stops in the opposite order."""
    async with AsyncExitStack() as stack:
        stack.enter_context(home.held())
        keyring = Keyring.of(home)
        url = await stack.enter_async_context(EmbeddedPostgres(home.postgres))
        letters = await _database(stack, url, "standalone")
        broker = MemoryBroker(TableSink(letters))
        stack.callback(broker.close)
        for reader in builtin_readers():
            broker.declare(reader)
        running: dict[ServiceName, Running[Any]] = {}
        for name in SERVICES:
            settings = _settings(name, keyring, url, port)
            running[name] = await _start(stack, name, settings, broker)
        yield House(home, keyring, broker, running)


async def _database(stack: AsyncExitStack, url: str, package: str) -> Database:
    database = await Database.open(url, package, package)
    stack.push_async_callback(database.close)
    await database.migrate()
    return database


def _settings(name: ServiceName, keyring: Keyring, url: str, port: int) -> ServiceSettings:
    gateway = name is ServiceName.API_GATEWAY
    return SERVICES[name][0].read(
        **keyring.settings(), database_url=SecretStr(url), http_port=port if gateway else 0
    )


async def _start(
    stack: AsyncExitStack, name: ServiceName, settings: ServiceSettings, broker: MemoryBroker
) -> Running[Any]:
    service = SERVICES[name][1](settings)
    database = await _database(stack, settings.database_url.get_secret_value(), service.package)
    bus = MemoryBus(broker)
    stack.push_async_callback(bus.close)
    return await stack.enter_async_context(Running(service, bus, database, settings))
