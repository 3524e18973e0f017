"""A Swift server of the tests, and a container of its own for each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp


@dataclass(frozen=True)
class SwiftServer:
    """Where a Swift v1 door is, and who may use it."""

    auth_url: str
    user: str
    key: str = field(repr=False)

    @classmethod
    def told(cls, facts: Mapping[str, str], kind: str) -> SwiftServer:
        """From the exports of a server."""
        url, user, key = (
            facts[f"STOWAGE_TEST_{kind}_{name}"] for name in ("AUTH_URL", "USER", "KEY")
        )
        return cls(url, user, key)

    @asynccontextmanager
    async def account(self) -> AsyncIterator[Account]:
        """The user's account, for looking at what a test did."""
        told = {"X-Auth-User": self.user, "X-Auth-Key": self.key}
        async with aiohttp.ClientSession() as session:
            async with session.get(self.auth_url, headers=told) as answer:
                answer.raise_for_status()
                url, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
            yield Account(session, url, token)


@dataclass(frozen=True)
class Account:
    """Plain calls on one account."""

    session: aiohttp.ClientSession
    url: str
    token: str = field(repr=False)

    async def call(self, method: str, path: str = "", **told: Any) -> tuple[int, bytes]:
        """Status and body; ``path`` is ``container[/object][?query]``, quoted in the query only."""
        plain, _, query = path.partition("?")
        url = f"{self.url}/{quote(plain)}" + (f"?{query}" if query else "")
        headers = {"X-Auth-Token": self.token} | told.pop("headers", {})
        async with self.session.request(method, url, headers=headers, **told) as answer:
            return answer.status, await answer.read()

    async def names(self, container: str = "") -> list[str]:
        """All objects of a container, or all containers."""
        _, body = await self.call("GET", f"{container}?limit=10000")
        return body.decode().splitlines()

    async def wipe(self, start: str) -> None:
        """Delete every container whose name begins so, with all in it."""
        for container in await self.names():
            if container.startswith(start):
                for name in await self.names(container):
                    await self.call("DELETE", f"{container}/{name}")
                await self.call("DELETE", container)


@asynccontextmanager
async def fresh_container(server: SwiftServer) -> AsyncIterator[str]:
    """The name of a new container; it and all that begin so are deleted afterwards."""
    name = f"test-{secrets.token_hex(6)}"
    async with server.account() as account:
        await account.call("PUT", name)
        try:
            yield name
        finally:
            await account.wipe(name)
