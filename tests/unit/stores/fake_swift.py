"""A server that answers like Swift and can be told to misbehave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from stowage_stores.swift.connection import SwiftConnection
from stowage_stores.swift.settings import SwiftSettings


@dataclass
class FakeSwift:
    """Tokens are counted: only the newest is good."""

    logins: int = 0
    revoked: bool = False
    answers: list[int] = field(default_factory=list)
    """Statuses of the next requests, 204 afterwards."""
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def login(self, request: web.Request) -> web.Response:
        """v1."""
        if request.headers.get("X-Auth-Key") != "right":
            return web.Response(status=401, text=f"no {request.headers.get('X-Auth-Key')}")
        self.logins, self.revoked = self.logins + 1, False
        url = str(request.url.with_path("/v1/AUTH_a"))
        return web.Response(headers={"X-Storage-Url": url, "X-Auth-Token": f"t{self.logins}"})

    async def account(self, request: web.Request) -> web.Response:
        """Anything below the account."""
        self.seen.append((request.method, request.raw_path))
        if self.revoked or request.headers.get("X-Auth-Token") != f"t{self.logins}":
            return web.Response(status=401)
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers=self.headers)


@asynccontextmanager
async def connected(fake: FakeSwift, **other: object) -> AsyncIterator[SwiftConnection]:
    """A connection to it."""
    app = web.Application()
    app.router.add_get("/auth/v1.0", fake.login)
    app.router.add_route("*", "/v1/AUTH_a{rest:.*}", fake.account)
    async with TestServer(app) as server:
        told = {"auth_url": str(server.make_url("/auth/v1.0")), "user": "a:b", "container": "c"}
        secrets = {"key": SecretStr("right"), "temp_url_key": SecretStr("links")}
        settings = SwiftSettings.model_validate(told | secrets | other)
        connection = SwiftConnection(settings)
        try:
            yield connection
        finally:
            await connection.aclose()
