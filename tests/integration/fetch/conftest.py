"""A loopback web server that counts connections, and clients with invented name servers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from stowage_contracts.grants import FetchRules
from stowage_runtime.fetch import FetchLimits, GuardedClient


class Names(AbstractResolver):
    """Answers names from a table; each question takes the next of a name's answers."""

    def __init__(self, table: dict[str, list[list[str]]]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.table[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                proto=0,
                flags=0,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
            )
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Site:
    """A server with settable answers; ``connections`` counts accepted sockets."""

    port: int = 0
    host: str = "127.0.0.1"
    connections: int = 0
    requests: list[web.Request] = field(default_factory=list)
    answers: dict[str, Callable[[web.Request], Any]] = field(default_factory=dict)

    def url(self, path: str, host: str = "") -> str:
        return f"http://{host or self.host}:{self.port}{path}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        self.requests.append(request)
        answer = self.answers[request.path](request)
        return await answer if hasattr(answer, "__await__") else answer  # type: ignore[no-any-return]


@asynccontextmanager
async def serving(found: Site) -> AsyncIterator[Site]:
    """The site, listening on its host at a port of its own."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await found.handle(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    server = runner.server
    assert server is not None

    def accept() -> Any:
        found.connections += 1
        return server()

    listening = await asyncio.get_running_loop().create_server(accept, found.host, 0)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    listening.close()
    await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(Site()) as found:
        yield found


@pytest.fixture
async def other_site() -> AsyncIterator[Site]:
    """At an address that can be opened without opening 127.0.0.1."""
    async with serving(Site(host="127.0.0.2")) as found:
        yield found


LOOPBACK = FetchRules(allow=("127.0.0.0/8",))
"""What an operator opens who serves images on this machine."""
QUICK = FetchLimits(connect_seconds=2, read_seconds=0.3)


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient(LOOPBACK, QUICK) as guarded:
        yield guarded
